package oversight

import (
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// tokensView is the list of tokens; Made is one just made, with its secret.
type tokensView struct {
	Tokens []service.APIToken
	Roles  []service.Role
	Made   *service.TokenMade
}

func (p *tokensView) fill(v *ui.Visit) error {
	if err := v.Call("token.list", nil, &p.Tokens); err != nil {
		return err
	}
	return v.Call("role.list", nil, &p.Roles)
}

func tokens(v *ui.Visit) (ui.View, error) {
	var p tokensView
	if err := p.fill(v); err != nil {
		return ui.View{}, err
	}
	return tokensPage(v, p), nil
}

func tokensPage(v *ui.Visit, p tokensView) ui.View {
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "API tokens"), Body: tokensBody(p)}
}

// lives are the lives a token can have; the first is the usual one.
var lives = []struct {
	Days string
	Life time.Duration
}{{"90", 90 * 24 * time.Hour}, {"7", 7 * 24 * time.Hour}, {"30", 30 * 24 * time.Hour}, {"365", 365 * 24 * time.Hour}}

// createToken shows the secret this once, in the answer itself.
func createToken(v *ui.Visit) (ui.Done, error) {
	ask := service.TokenCreate{Name: v.Typed("name"), Roles: v.Form["roles"], Reason: v.Typed("reason")}
	for _, l := range lives {
		if l.Days == v.Typed("life") {
			ask.Life = model.Duration(l.Life)
		}
	}
	if len(ask.Roles) == 0 {
		return ui.Done{}, fault.New(fault.Invalid, "access.role", "choose at least one role").At("roles")
	}
	p := tokensView{Made: &service.TokenMade{}}
	if err := v.Call("token.create", ask, p.Made); err != nil {
		return ui.Done{}, at(err, "access.name", "name", "access.role", "roles", "access.more-than-own", "roles")
	}
	v.Form = nil // the form begins anew
	if err := p.fill(v); err != nil {
		return ui.Done{}, err
	}
	view := tokensPage(v, p)
	return ui.Done{View: &view}, nil
}

func revokeToken(v *ui.Visit) (ui.Done, error) {
	if err := v.Call("token.revoke", service.TokenRevoke{ID: v.Path("id"), Reason: v.Typed("reason")}, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/tokens", Toast: &ui.Toast{Text: ui.T(v.Context(), "The token is revoked; it lets nobody in any more.")}}, nil
}

// over says whether a token has ended.
func over(v *ui.Visit, t service.APIToken) bool {
	return !t.Revoked.IsZero() || !t.Expires.IsZero() && !v.Now.Before(t.Expires)
}
