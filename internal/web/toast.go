package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"thalamus/internal/web/ui"
)

// toastCookie carries what just happened from an act to the page after it.
const toastCookie = "__Host-thalamus-toast"

func giveToast(w http.ResponseWriter, t *ui.Toast) {
	if t == nil {
		return
	}
	raw, err := json.Marshal(t)
	if err != nil || len(raw) > 2000 {
		return // a toast is a courtesy; what was done is done
	}
	http.SetCookie(w, cookie(toastCookie, base64.RawURLEncoding.EncodeToString(raw), 60))
}

func takeToast(w http.ResponseWriter, r *http.Request) *ui.Toast {
	c, err := r.Cookie(toastCookie)
	if err != nil {
		return nil
	}
	http.SetCookie(w, cookie(toastCookie, "", -1))
	raw, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return nil
	}
	var t ui.Toast
	if json.Unmarshal(raw, &t) != nil || t.Text == "" {
		return nil
	}
	return &t
}

// cookie that only we read, only over TLS, only from our own pages.
func cookie(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}
