package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"thalamus/internal/fault"
)

// beat keeps proxies from closing a silent stream.
const beat = 15 * time.Second

func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	caller, err := s.authenticate(r)
	if err == nil {
		err = caller.Call(r.Context(), "overview.get", nil, nil) // the permission to watch
	}
	if err != nil {
		WriteProblem(w, err)
		return
	}
	flusher, ok := w.(http.Flusher)
	if !ok {
		WriteProblem(w, fault.New(fault.Broken, "api.stream", "this connection cannot stream"))
		return
	}
	after := uint64(0)
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		// A number that is none of ours leads to the event "missed".
		if after, err = strconv.ParseUint(id, 10, 64); err != nil {
			after = 1
		}
	}
	events, stop := s.events(r.Context(), after)
	defer stop()
	still := func() bool {
		d, ok := caller.(interface{ Still() error })
		return !ok || d.Still() == nil
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	fmt.Fprint(w, ": connected\n\n")
	flusher.Flush()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case e, ok := <-events:
			if !ok || !still() {
				return
			}
			text, err := json.Marshal(e)
			if err != nil {
				continue // an event of ours always marshals
			}
			fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.ID, e.Kind, text)
		case <-tick.C:
			if !still() {
				return
			}
			fmt.Fprint(w, ": still here\n\n")
		}
		flusher.Flush()
	}
}

func eachEvent(r io.Reader, each func(line []byte)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	for lines.Scan() {
		if text, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); ok {
			each(text)
		}
	}
	return lines.Err()
}
