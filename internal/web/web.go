package web

import (
	"net/http"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/accept"
	"thalamus/internal/web/admit"
	"thalamus/internal/web/assets"
	"thalamus/internal/web/bulk"
	"thalamus/internal/web/care"
	"thalamus/internal/web/connections"
	"thalamus/internal/web/devices"
	"thalamus/internal/web/integration"
	"thalamus/internal/web/issues"
	"thalamus/internal/web/labels"
	"thalamus/internal/web/letters"
	"thalamus/internal/web/oversight"
	"thalamus/internal/web/profiles"
	"thalamus/internal/web/relay"
	"thalamus/internal/web/ui"
	"thalamus/internal/web/views"
	"thalamus/internal/web/ward"
)

// SessionCookie holds the secret of a session.
const SessionCookie = "__Host-thalamus"

// Options of the console.
type Options struct {
	Version, Site, Zone string
}

// policy lets a page load from us alone, and run nothing that is written in
// the page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// formLimit bounds a form unless its act says otherwise.
const formLimit = 64 << 10

type console struct {
	s       *service.Service
	o       Options
	zone    *time.Location
	pages   []ui.Page
	streams *slots
	ops     map[string]service.Op
}

// rooms lists the work places' packages. The order of their pages is the
// order of the menu; the first page of a place is where it starts.
func rooms() []ui.Room {
	return []ui.Room{ward.Room(), integration.Room(), issues.Room(), labels.Room(), profiles.Room(), relay.Room(), letters.Room(), devices.Room(), care.Room(), accept.Room(), oversight.Room(), bulk.Room(), connections.Room(), admit.Room(), views.Room()}
}

// New makes the console.
func New(s *service.Service, o Options) (http.Handler, error) {
	zone, err := time.LoadLocation(o.Zone)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "conf.zone", "unknown time zone").At("site.zone")
	}
	c := &console{s: s, o: o, zone: zone, streams: newSlots(256, 16), ops: map[string]service.Op{}}
	for _, op := range service.Ops() {
		c.ops[op.Name] = op
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+assets.Prefix, assets.Serve)
	mux.HandleFunc("GET /sign-in", c.signInPage)
	mux.HandleFunc("POST /sign-in", c.signIn)
	mux.HandleFunc("POST /sign-out", c.signOut)
	mux.HandleFunc("POST /preferences", c.preferences)
	for _, room := range rooms() {
		c.pages = slices.Concat(c.pages, room.Pages)
		for _, a := range room.Acts {
			mux.HandleFunc("POST "+a.Path, c.act(a))
		}
		for _, s := range room.Streams {
			mux.HandleFunc("GET "+s.Path, c.stream(s))
		}
	}
	for i := range c.pages {
		path := c.pages[i].Path
		if path == "/" {
			path = "/{$}"
		}
		mux.HandleFunc("GET "+path, c.show(&c.pages[i]))
	}
	mux.HandleFunc("POST /search", c.act(ui.Act{Path: "/search", Do: c.search}))
	mux.HandleFunc("GET /search", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusSeeOther) })
	mux.HandleFunc("GET /events", c.stream(ui.Stream{Path: "/events", Serve: c.events}))
	mux.HandleFunc("/", c.nowhere)
	return http.NewCrossOriginProtection().Handler(headers(mux)), nil
}

// headers go with every answer; assets loosen Cache-Control for themselves.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
