package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"thalamus/internal/fault"
	"thalamus/internal/web/texts"
	"thalamus/internal/web/ui"
)

// visit makes the visit of a request; nobody is signed in yet.
func (c *console) visit(r *http.Request) *ui.Visit {
	look := lookOf(r)
	v := &ui.Visit{
		Site: c.o.Site, Version: c.o.Version, Zone: c.zone, Now: time.Now(), Theme: look.theme,
		Language: texts.Pick(look.language, r.Header.Get("Accept-Language")), Pages: c.pages,
	}
	v.Request = r.WithContext(ui.With(r.Context(), v))
	return v
}

func remote(r *http.Request) string {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return host
}

// enter opens the door for who holds a session. Else it answers the request
// and says false.
func (c *console) enter(w http.ResponseWriter, v *ui.Visit) bool {
	r := v.Request
	cookie, err := r.Cookie(SessionCookie)
	if err == nil {
		if v.Door, err = c.s.BySession(cookie.Value, remote(r)); err == nil {
			return true
		}
	}
	to := "/sign-in"
	if r.Method == http.MethodGet && r.URL.Path != "/" {
		to += "?to=" + url.QueryEscape(v.Here())
	}
	switch {
	case v.Partial() || r.Header.Get("Sec-Fetch-Mode") == "websocket":
		w.Header().Set("HX-Redirect", "/sign-in"+backTo(r))
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodGet && cookie == nil && r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") == "navigate":
		// A link in another site's page: the browser keeps a strict cookie to
		// itself until the navigation starts from a page of our own.
		w.Header().Set("Refresh", "0; url="+v.Here())
		c.write(w, v, http.StatusOK, func() templ.Component { return ui.Outside(v, onward(v)) })
	default:
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
	return false
}

// backTo leads from the sign-in to the page whose region was asked for.
func backTo(r *http.Request) string {
	at, err := url.Parse(r.Header.Get("HX-Current-URL"))
	if err != nil || !ui.Local(at.RequestURI()) || at.Path == "" || at.Path == "/" {
		return ""
	}
	return "?to=" + url.QueryEscape(at.RequestURI())
}

// allowed says whether the visitor may do what needs an operation; an attempt
// that is not allowed is audited as the operation itself would be.
func allowed(v *ui.Visit, operation string) error {
	if operation == "" || v.May(operation) {
		return nil
	}
	return v.Call(operation, nil, nil)
}

func (c *console) show(p *ui.Page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := c.visit(r)
		if !c.enter(w, v) {
			return
		}
		v.Page = p
		v.Toast = takeToast(w, r)
		if err := allowed(v, p.Needs); err != nil {
			c.fail(w, v, err)
			return
		}
		view, err := p.Show(v)
		if err == nil && v.Tab() == "raw" && v.Query("as") == "json" {
			if err = c.rawFile(w, v); err == nil {
				return
			}
		}
		if err == nil {
			err = c.tab(v, &view)
		}
		if err == nil && v.Query("as") == "csv" && v.Query("table") != "" {
			if err = seen(w, v, view); err == nil {
				return
			}
		}
		if err != nil {
			c.fail(w, v, err)
			return
		}
		c.view(w, v, http.StatusOK, view)
	}
}

func (c *console) act(a ui.Act) http.HandlerFunc {
	limit := a.Limit
	if limit == 0 {
		limit = formLimit
	}
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		v := c.visit(r)
		v.Page = c.over(a.Path)
		if !c.enter(w, v) {
			return
		}
		if err := parse(v, limit); err != nil {
			c.fail(w, v, err)
			return
		}
		if err := allowed(v, a.Needs); err != nil {
			c.fail(w, v, err)
			return
		}
		done, err := a.Do(v)
		switch kind := fault.KindOf(err); {
		case err != nil && a.Again != nil && (kind == fault.Invalid || kind == fault.Conflict):
			c.again(w, v, a, plain(err))
		case err != nil:
			c.fail(w, v, err)
		case done.View != nil:
			v.Toast = done.Toast
			c.view(w, v, http.StatusOK, *done.View)
		default:
			giveToast(w, done.Toast)
			to := done.To
			if !ui.Local(to) {
				to = "/"
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
		}
	}
}

// over finds the page an act belongs to: the one whose path begins the act's.
func (c *console) over(path string) *ui.Page {
	var best *ui.Page
	for i := range c.pages {
		p := &c.pages[i]
		if p.Path != "/" && strings.HasPrefix(path, p.Path) && (best == nil || len(p.Path) > len(best.Path)) {
			best = p
		}
	}
	return best
}

// parse reads the form of a POST.
func parse(v *ui.Visit, limit int64) error {
	if err := v.Request.ParseForm(); err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return fault.Wrap(err, fault.Invalid, "web.too-big", "what was sent is larger than the %d bytes this form takes; send less", limit)
		}
		return fault.Wrap(err, fault.Invalid, "web.form", "what was sent is not a form")
	}
	v.Form = v.Request.PostForm
	return nil
}

// again shows an act's page once more, with what is wrong.
func (c *console) again(w http.ResponseWriter, v *ui.Visit, a ui.Act, wrong *fault.Fault) {
	v.Fault = wrong
	view, err := a.Again(v)
	if err == nil {
		view.Tabs = c.tabsOf(v)
	}
	if err != nil {
		v.Fault = nil
		c.fail(w, v, wrong)
		return
	}
	c.view(w, v, http.StatusUnprocessableEntity, view)
}

func (c *console) stream(s ui.Stream) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := c.visit(r)
		if !c.enter(w, v) {
			return
		}
		err := allowed(v, s.Needs)
		if err == nil {
			err = s.Serve(v, w)
		}
		if err != nil {
			c.fail(w, v, err)
		}
	}
}

// view writes a page, or its content alone where htmx asks for a region.
func (c *console) view(w http.ResponseWriter, v *ui.Visit, status int, view ui.View) {
	c.write(w, v, status, func() templ.Component {
		if v.Partial() {
			return ui.Content(v, view)
		}
		return ui.Frame(v, view)
	})
}

// write renders in memory first, so that a page that cannot be made is a plain
// error and not half a page.
func (c *console) write(w http.ResponseWriter, v *ui.Visit, status int, page func() templ.Component) {
	var out bytes.Buffer
	if err := page().Render(v.Context(), &out); err != nil {
		if !errors.Is(err, context.Canceled) {
			c.s.Log.Error("page", "path", v.Request.Pattern, "error", err)
		}
		http.Error(w, "This page could not be made; the log says why.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	if out.Len() > smallPage && strings.Contains(v.Request.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is valid
		_, _ = out.WriteTo(z)
		_ = z.Close() // the connection is gone: nobody is left to tell
		return
	}
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // the same
}

// smallPage is sent as it is: it fits into one packet anyway. Larger ones are
// compressed; that what is compressed together could be guessed by its length
// needs requests of a stranger with our cookie, which stays at home.
const smallPage = 1400

// fail shows a fault as a page.
func (c *console) fail(w http.ResponseWriter, v *ui.Visit, err error) {
	f := plain(err)
	if f.Code == "internal" && !errors.Is(err, context.Canceled) {
		c.s.Log.Error("page", "path", v.Request.Pattern, "error", err)
	}
	status := http.StatusBadRequest
	switch f.Kind {
	case fault.Absent:
		status = http.StatusNotFound
	case fault.Denied:
		status = http.StatusForbidden
	case fault.Conflict:
		status = http.StatusConflict
	case fault.Broken, fault.Transient:
		status = http.StatusServiceUnavailable
	}
	if v.Partial() {
		w.Header().Set("HX-Reswap", "none") // the region keeps what it shows
		w.WriteHeader(status)
		return
	}
	v.Fault = nil
	c.view(w, v, status, faultView(v, f))
}

// plain gives the fault people see; what nobody classified goes to the log.
func plain(err error) *fault.Fault {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f
	}
	return fault.New(fault.Broken, "internal", "something went wrong inside; the log says more")
}

func noSuchPage() error { return fault.New(fault.Absent, "web.no-page", "there is no such page") }

// nowhere is every address that is no page.
func (c *console) nowhere(w http.ResponseWriter, r *http.Request) {
	v := c.visit(r)
	if c.enter(w, v) {
		c.fail(w, v, noSuchPage())
	}
}
