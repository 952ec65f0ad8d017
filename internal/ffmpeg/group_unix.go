//go:build unix

package ffmpeg

import (
	"os/exec"
	"syscall"
)

// ownGroup gives a program a process group of its own and has the whole group killed when its context ends. It also
// keeps Ctrl-C from reaching the program before us.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
