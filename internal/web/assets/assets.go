// Package assets holds what a page loads beside its HTML: stylesheet, scripts
// and pictures, each under a name with its content's hash, so that a browser
// may keep it for good and never has a stale one.
//
// htmx.js and htmx-sse.js are htmx 4.0.1 and its extension for server-sent
// events, unchanged (Zero-Clause BSD, see NOTICE). The rest is ours.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed *.js *.css *.svg
var files embed.FS

// Prefix of every asset's path.
const Prefix = "/assets/"

type asset struct {
	path        string // with hash
	kind        string
	raw, zipped []byte
}

type table struct {
	byName, byPath map[string]*asset
}

var load = sync.OnceValue(func() table {
	t := table{map[string]*asset{}, map[string]*asset{}}
	names, _ := files.ReadDir(".") // embedded: cannot fail
	kinds := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	for _, n := range names {
		raw, _ := files.ReadFile(n.Name())
		sum := sha256.Sum256(raw)
		ext := path.Ext(n.Name())
		a := &asset{path: Prefix + strings.TrimSuffix(n.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext, kind: kinds[ext], raw: raw}
		var z bytes.Buffer
		w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression) // the level is valid
		_, _ = w.Write(raw)                                   // to memory
		_ = w.Close()
		a.zipped = z.Bytes()
		t.byName[n.Name()], t.byPath[a.path] = a, a
	}
	return t
})

// Path gives the address of an asset by its file name, empty for one that is
// not there.
func Path(name string) string {
	if a := load().byName[name]; a != nil {
		return a.path
	}
	return ""
}

// Serve answers requests for assets.
func Serve(w http.ResponseWriter, r *http.Request) {
	a := load().byPath[r.URL.Path]
	if a == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := a.raw
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the connection is gone: nobody is left to tell
}
