package bluez

import (
	"os/exec"
	"syscall"
)

// endWithUs lets a program end when the thread that starts it does.
func endWithUs(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
