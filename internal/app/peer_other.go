//go:build !linux

package app

import (
	"context"
	"net"
	"os"
)

// peerContext notes who is at the other end of the socket. Its permissions let
// in only the user the server runs as.
func peerContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, os.Getuid())
}
