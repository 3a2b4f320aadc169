package pull

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

// shelf is a server that gives documents one after another, each with the number
// to ask from the next time.
type shelf struct {
	*server
	settings map[string]any

	mu    sync.Mutex
	docs  [][]byte
	cut   map[int]bool // documents that break off
	last  map[int]int  // place of a message, by its number
	asked int          // from where on somebody asked at last
	away  bool
	hung  chan struct{}
	held  atomic.Bool
	wrong http.HandlerFunc
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{cut: map[int]bool{}, last: map[int]int{}}
	s.server = newServer(t, s.give)
	s.Config.ErrorLog = nil
	s.settings = newRig(t, s.server, "/x", nil).settings
	s.settings["timeout"] = "2s"
	s.settings["max_body"] = 100_000
	s.settings["cursor"] = map[string]any{"parameter": "after", "from": "header", "name": "X-Next"}
	return s
}

func (s *shelf) give(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	wrong, away, gate := s.wrong, s.away, s.hung
	s.mu.Unlock()
	switch {
	case gate != nil:
		s.held.Store(true)
		select {
		case <-gate:
		case <-r.Context().Done():
		}
		return
	case away:
		panic(http.ErrAbortHandler)
	case wrong != nil:
		wrong(w, r)
		return
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("after"))
	s.mu.Lock()
	s.asked = from
	var doc []byte
	if from < len(s.docs) {
		doc = s.docs[from]
	}
	cut, more := s.cut[from], from+1 < len(s.docs)
	s.mu.Unlock()
	if doc == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if more {
		w.Header().Set("Link", fmt.Sprintf(`</x?after=%d>; rel="next"`, from+1))
	}
	w.Header().Set("X-Next", strconv.Itoa(from+1))
	w.Header().Set("Content-Length", strconv.Itoa(len(doc)))
	if cut {
		doc = doc[:len(doc)/2]
	}
	w.Write(doc)
}

func (s *shelf) put(n int, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[n] = len(s.docs)
	s.docs = append(s.docs, b)
}

func (s *shelf) half(n int, b []byte) (rest func()) {
	s.put(n, b)
	at := len(s.docs) - 1
	s.lock(func() { s.cut[at] = true })
	return func() { s.lock(func() { s.cut[at] = false }) }
}

func (s *shelf) lock(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func (s *shelf) has(n int) (yes bool) {
	s.lock(func() { yes = s.last[n] >= s.asked })
	return yes
}

func (s *shelf) place() *drivertest.Place {
	wrong := func(name, code string, does http.HandlerFunc) drivertest.Hostile {
		return drivertest.Hostile{Name: name, Says: []string{code}, Do: func() (mend func()) {
			s.lock(func() { s.wrong = does })
			return func() { s.lock(func() { s.wrong = nil }) }
		}}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	return &drivertest.Place{
		Settings: s.settings, Codec: "json", Ordered: true,
		Message: func(n int) []byte { return fmt.Appendf(nil, `{"n":%d,"hr":72,"text":%q}`, n, strings.Repeat("x", 450)) },
		Put:     s.put, Half: s.half, Has: s.has,
		Away: func() (back func()) {
			s.lock(func() { s.away = true })
			return func() { s.lock(func() { s.away = false }) }
		},
		Hang: func() (asked func() bool, release func()) {
			gate := make(chan struct{})
			s.held.Store(false)
			s.lock(func() { s.hung = gate })
			return s.held.Load, func() { s.lock(func() { s.hung = nil }); close(gate) }
		},
		Hostile: []drivertest.Hostile{
			wrong("500", "pull.busy", status(http.StatusInternalServerError)),
			wrong("429", "pull.busy", status(http.StatusTooManyRequests)),
			wrong("401", "pull.denied", status(http.StatusUnauthorized)),
			wrong("404", "pull.status", status(http.StatusNotFound)),
			wrong("part of an answer", "pull.status", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Range", "bytes 0-4/500")
				w.WriteHeader(http.StatusPartialContent)
				fmt.Fprint(w, `{"n":`)
			}),
			wrong("answer without end", "pull.oversize", func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					if _, err := w.Write([]byte(strings.Repeat("x", 4096))); err != nil {
						return
					}
				}
			}),
			wrong("answer that unpacks without end", "pull.oversize", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				for range 1000 {
					if _, err := z.Write(make([]byte, 64<<10)); err != nil {
						return
					}
				}
				z.Close()
			}),
			wrong("answer byte by byte", "pull.unreachable", func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					w.Write([]byte(" "))
					w.(http.Flusher).Flush()
					time.Sleep(20 * time.Millisecond)
				}
			}),
			wrong("answer that breaks off", "pull.unreachable", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				fmt.Fprint(w, `{"n":`)
			}),
			wrong("head without end", "pull.unreachable", func(w http.ResponseWriter, _ *http.Request) {
				for i := range 100 {
					w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 4096))
				}
			}),
			wrong("redirect to another host", "pull.unreachable", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://elsewhere.invalid/x", http.StatusFound)
			}),
			wrong("redirect to what is not encrypted", "pull.unreachable", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://"+r.Host+"/x", http.StatusFound)
			}),
			wrong("redirects over and over", "pull.unreachable", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/x", http.StatusTemporaryRedirect)
			}),
			wrong("next page at another host", "pull.page", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Link", `<https://elsewhere.invalid/x>; rel="next"`)
			}),
			wrong("next page that is no address", "pull.page", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Link", `<http://[::1>; rel="next"`)
			}),
			wrong("pages in a circle", "pull.page", func(w http.ResponseWriter, r *http.Request) {
				page, _ := strconv.Atoi(r.URL.Query().Get("page"))
				w.Header().Set("Link", fmt.Sprintf(`</x?page=%d>; rel="next"`, (page+1)%3))
			}),
			wrong("no HTTP", "pull.unreachable", func(w http.ResponseWriter, _ *http.Request) {
				c, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					c.Write([]byte("MSH|^~\\&|\r"))
					c.Close()
				}
			}),
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	kind := Kind()
	kind.New = func(ch model.Channel) (driver.Driver, error) {
		d, err := New(ch)
		if err == nil {
			d.Pauses.Longest = time.Second
		}
		return d, err
	}
	drivertest.RunLooker(t, drivertest.Looker{Kind: kind, Open: func(t *testing.T) *drivertest.Place { return newShelf(t).place() }})
}
