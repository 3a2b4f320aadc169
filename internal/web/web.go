// Package web is the console: pages that call service, and nothing else.
package web

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net"
	"net/http"
	"strconv"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// SessionCookie holds the secret of a session.
const SessionCookie = "__Host-thalamus"

//go:embed assets
var assets embed.FS

//go:embed pages/*.html
var pages embed.FS

// Options of the console.
type Options struct {
	Version, Site, Zone string
}

type console struct {
	s    *service.Service
	o    Options
	zone *time.Location
	page *template.Template
}

// policy lets a page load from us alone, and run nothing that is written in
// the page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// New makes the console.
func New(s *service.Service, o Options) (http.Handler, error) {
	zone, err := time.LoadLocation(o.Zone)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "conf.zone", "unknown time zone").At("site.zone")
	}
	c := &console{s: s, o: o, zone: zone}
	c.page, err = template.New("").Funcs(template.FuncMap{"at": c.at, "shown": shown, "text": func(b []byte) string { return string(b) }}).ParseFS(pages, "pages/*.html")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", http.FileServerFS(assets))
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, _ *http.Request) { c.show(w, http.StatusOK, "sign-in.html", nil, nil) })
	mux.HandleFunc("POST /sign-in", c.signIn)
	mux.HandleFunc("POST /sign-out", c.signOut)
	mux.HandleFunc("GET /{$}", c.open(c.overview))
	mux.HandleFunc("GET /live", c.open(c.live))
	mux.HandleFunc("GET /messages", c.open(c.messages))
	mux.HandleFunc("GET /messages/{seq}", c.open(c.message))
	mux.HandleFunc("GET /devices", c.open(c.devices))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		c.show(w, http.StatusNotFound, "fault.html", nil, fault.New(fault.Absent, "web.no-page", "there is no such page"))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	}), nil
}

// view is what every page gets.
type view struct {
	Site, Version string
	Door          *service.Door
	Content       any
}

func (c *console) show(w http.ResponseWriter, status int, name string, door *service.Door, content any) {
	var out bytes.Buffer
	if err := c.page.ExecuteTemplate(&out, name, view{c.o.Site, c.o.Version, door, content}); err != nil {
		c.s.Log.Error("page", "name", name, "error", err)
		http.Error(w, "This page could not be made; the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // the connection is gone: nobody is left to tell
}

func (c *console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	remote, _, _ := net.SplitHostPort(r.RemoteAddr)
	var session string
	var err error
	if link := r.PostFormValue("link"); link != "" {
		session, err = c.s.Redeem(r.Context(), link, remote)
	} else {
		session, err = c.s.SignIn(r.Context(), r.PostFormValue("name"), r.PostFormValue("password"), remote)
	}
	if err != nil {
		c.show(w, http.StatusForbidden, "sign-in.html", nil, plain(err))
		return
	}
	http.SetCookie(w, &http.Cookie{Name: SessionCookie, Value: session, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *console) signOut(w http.ResponseWriter, r *http.Request) {
	remote, _, _ := net.SplitHostPort(r.RemoteAddr)
	if cookie, err := r.Cookie(SessionCookie); err == nil {
		_ = c.s.SignOut(r.Context(), cookie.Value, remote) // ended already: the same
	}
	http.SetCookie(w, &http.Cookie{Name: SessionCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// open shows a page to who is signed in.
func (c *console) open(page func(r *http.Request, d *service.Door) (name string, content any, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		remote, _, _ := net.SplitHostPort(r.RemoteAddr)
		cookie, err := r.Cookie(SessionCookie)
		if err != nil {
			http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
			return
		}
		door, err := c.s.BySession(cookie.Value, remote)
		if err != nil {
			http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
			return
		}
		name, content, err := page(r, door)
		if err != nil {
			status := http.StatusBadRequest
			switch fault.KindOf(err) {
			case fault.Absent:
				status = http.StatusNotFound
			case fault.Denied:
				status = http.StatusForbidden
			case fault.Broken, fault.Transient:
				status = http.StatusServiceUnavailable
			}
			c.show(w, status, "fault.html", door, plain(err))
			return
		}
		c.show(w, http.StatusOK, name, door, content)
	}
}

// plain gives the fault people see; what nobody classified goes to the log.
func plain(err error) *fault.Fault {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f
	}
	return fault.New(fault.Broken, "internal", "something went wrong inside; the log says more")
}

func (c *console) overview(r *http.Request, d *service.Door) (string, any, error) {
	var o service.Overview
	return "overview.html", &o, d.Call(r.Context(), "overview.get", nil, &o)
}

func (c *console) live(r *http.Request, d *service.Door) (string, any, error) {
	var beds []service.Bed
	err := d.Call(r.Context(), "live.get", nil, &beds)
	return "live.html", beds, err
}

func (c *console) devices(r *http.Request, d *service.Door) (string, any, error) {
	var l service.List[service.DeviceRow]
	return "devices.html", &l, d.Call(r.Context(), "device.list", nil, &l)
}

// messages filters by what may stand in a URL: ids, never names.
func (c *console) messages(r *http.Request, d *service.Door) (string, any, error) {
	q := r.URL.Query()
	ask := service.MessageSearch{
		Patient: model.PatientID(q.Get("patient")), Device: model.DeviceID(q.Get("device")), Channel: model.ChannelID(q.Get("channel")),
		Type: q.Get("type"), Control: q.Get("control"), Issues: q.Get("issues") != "",
	}
	if after := q.Get("after"); after != "" {
		if err := ask.After.UnmarshalText([]byte(after)); err != nil {
			return "", nil, fault.Wrap(err, fault.Invalid, "service.argument", "not a place in the list").At("after")
		}
	}
	var l service.List[service.Summary]
	return "messages.html", &l, d.Call(r.Context(), "message.search", ask, &l)
}

func (c *console) message(r *http.Request, d *service.Door) (string, any, error) {
	var ref model.MessageRef
	if err := ref.UnmarshalText([]byte(r.PathValue("seq"))); err != nil {
		return "", nil, fault.Wrap(err, fault.Invalid, "service.argument", "not the number of a message")
	}
	var page service.MessagePage
	return "message.html", &page, d.Call(r.Context(), "message.get", service.Ref{Seq: ref.Seq, Part: ref.Part}, &page)
}

func (c *console) at(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(c.zone).Format("2006-01-02 15:04:05")
}

// shown is a value as people read it.
func shown(v model.Value) string {
	switch v.Kind {
	case model.ValueNumber:
		return v.Comparator + v.Number.String()
	case model.ValueRange:
		return v.Number.String() + " – " + v.High.String()
	case model.ValueRatio:
		return v.Number.String() + " : " + v.High.String()
	case model.ValueCoded:
		if v.Coding.Text != "" {
			return v.Coding.Text
		}
		return v.Coding.Code
	case model.ValueTime:
		return v.Time.Original
	case model.ValueBinary:
		return strconv.Itoa(len(v.Text)) + " characters of base64"
	}
	return v.Text
}
