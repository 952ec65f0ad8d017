//go:build !unix

package ffmpeg

import "os/exec"

// ownGroup does nothing where there are no process groups: the program alone is killed.
func ownGroup(*exec.Cmd) {}

// endGroup kills the program: there is no way to ask it.
func endGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// killGroup kills the program, if it was started.
func killGroup(cmd *exec.Cmd) error {
	if cmd.Process == nil {
		return nil
	}
	return cmd.Process.Kill()
}
