package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"thalamus/client"
)

// A gateway keeps what its devices say and sends it when it can.
func Example() {
	// In place of a server: it says that it has everything.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"receipt": "1-2"}`)
	}))
	defer server.Close()
	folder, err := os.MkdirTemp("", "outbox")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)

	c, err := client.Open(client.Options{URL: server.URL + "/ingest/home", Folder: folder, Name: "gateway-7", Secret: "thd_…"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, body := range []string{`{"pulse": 71}`, `{"pulse": 73}`} {
		// When Put returns nil, the message is on the disk and will arrive once.
		if _, err := c.Put(ctx, client.Message{Device: "cuff-1", Type: "application/json", Body: []byte(body)}); err != nil {
			fmt.Println(err)
		}
	}
	if err := c.Flush(ctx); err != nil { // only who must know waits
		fmt.Println(err)
	}
	fmt.Println(c.Stats().Sent, "sent,", c.Stats().Pending, "wait")
	// Output: 2 sent, 0 wait
}
