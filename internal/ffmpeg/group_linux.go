package ffmpeg

import (
	"os/exec"
	"syscall"
)

// dieWithUs has the kernel kill the program when we are killed, and cannot do it ourselves. It goes after ownGroup.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL }
