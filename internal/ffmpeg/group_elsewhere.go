//go:build !linux

package ffmpeg

import "os/exec"

// dieWithUs does nothing where the system offers nothing: when we are killed, a program goes on until its work is done.
func dieWithUs(*exec.Cmd) {}
