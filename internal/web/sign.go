package web

import (
	"net/http"

	"github.com/a-h/templ"

	"thalamus/internal/web/ui"
)

// signInPage asks who is there.
func (c *console) signInPage(w http.ResponseWriter, r *http.Request) {
	c.outside(w, c.visit(r), http.StatusOK)
}

func (c *console) outside(w http.ResponseWriter, v *ui.Visit, status int) {
	to := v.Query("to")
	if v.Form != nil {
		to = v.Typed("to")
	}
	c.write(w, v, status, func() templ.Component {
		return ui.Outside(v, ui.View{Title: ui.T(v.Context(), "Sign in"), Body: signInForm(v, to), Scripts: []string{"sign-in.js"}})
	})
}

// signIn begins a session with a name and password, or with the secret of a
// one-time link.
func (c *console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	v := c.visit(r)
	err := parse(v, formLimit)
	var session string
	switch {
	case err != nil:
	case v.Typed("link") != "":
		session, err = c.s.Redeem(r.Context(), v.Typed("link"), remote(r))
	default:
		session, err = c.s.SignIn(r.Context(), v.Typed("name"), v.Form.Get("password"), remote(r))
	}
	if err != nil {
		v.Fault = plain(err)
		c.outside(w, v, http.StatusForbidden)
		return
	}
	http.SetCookie(w, cookie(SessionCookie, session, 0))
	to := v.Typed("to")
	if !ui.Local(to) {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (c *console) signOut(w http.ResponseWriter, r *http.Request) {
	if held, err := r.Cookie(SessionCookie); err == nil {
		_ = c.s.SignOut(r.Context(), held.Value, remote(r)) // ended already: the same
	}
	http.SetCookie(w, cookie(SessionCookie, "", -1))
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}
