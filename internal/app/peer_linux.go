package app

import (
	"context"
	"net"

	"golang.org/x/sys/unix"
)

// peerContext notes who is at the other end of the socket.
func peerContext(ctx context.Context, c net.Conn) context.Context {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return ctx
	}
	uid := -1
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	if uid < 0 {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, uid)
}
