package web

import (
	"net/http"
	"strings"

	"thalamus/internal/web/texts"
	"thalamus/internal/web/ui"
)

// lookCookie keeps what a reader prefers: "dark.de". It is no secret.
const lookCookie = "__Host-thalamus-look"

const lookLife = 400 * 24 * 60 * 60 // seconds; browsers keep none longer

type look struct {
	theme    ui.Theme
	language string // empty: as the browser asks
}

func lookOf(r *http.Request) look {
	l := look{theme: ui.Auto}
	c, err := r.Cookie(lookCookie)
	if err != nil {
		return l
	}
	theme, language, _ := strings.Cut(c.Value, ".")
	if t := ui.Theme(theme); t == ui.Light || t == ui.Dark {
		l.theme = t
	}
	l.language = language
	return l
}

// preferences takes the buttons of the visitor's menu.
func (c *console) preferences(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	l := lookOf(r)
	switch t := ui.Theme(r.PostFormValue("theme")); t {
	case ui.Auto, ui.Light, ui.Dark:
		l.theme = t
	}
	for _, known := range texts.Languages() {
		if known.Tag == r.PostFormValue("language") {
			l.language = known.Tag
		}
	}
	http.SetCookie(w, cookie(lookCookie, string(l.theme)+"."+l.language, lookLife))
	back := r.PostFormValue("back")
	if !ui.Local(back) {
		back = "/"
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}
