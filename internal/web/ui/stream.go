package ui

import "net/http"

// Stream is one address that answers by itself: a WebSocket, a download.
type Stream struct {
	Path  string // a GET
	Needs string
	Serve func(v *Visit, w http.ResponseWriter) error // an error before the first byte becomes the fault page
}

// Room is what one package of pages brings.
type Room struct {
	Pages   []Page
	Acts    []Act
	Streams []Stream
}
