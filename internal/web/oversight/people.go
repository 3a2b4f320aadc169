package oversight

import (
	"context"
	"slices"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// peopleView is everybody who may sign in, and what roles may.
type peopleView struct {
	Accounts []service.Account
	Roles    []service.Role
}

func people(v *ui.Visit) (ui.View, error) {
	var p peopleView
	if err := v.Call("user.list", nil, &p.Accounts); err != nil {
		return ui.View{}, err
	}
	if err := v.Call("role.list", nil, &p.Roles); err != nil {
		return ui.View{}, err
	}
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "People"), Body: peoplePage(p)}, nil
}

// personView is one account; Link is the address of a link just made.
type personView struct {
	Account service.Account
	Roles   []service.Role
	Made    *service.SignInLink
	Link    string
}

func (p *personView) fill(v *ui.Visit) error {
	var all []service.Account
	if err := v.Call("user.list", nil, &all); err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(a service.Account) bool { return string(a.ID) == v.Path("id") })
	if i < 0 {
		return fault.New(fault.Absent, "access.no-account", "there is no such account; it may have been removed")
	}
	p.Account = all[i]
	return v.Call("role.list", nil, &p.Roles)
}

func person(v *ui.Visit) (ui.View, error) {
	var p personView
	if err := p.fill(v); err != nil {
		return ui.View{}, err
	}
	return personPage(v, p), nil
}

func personPage(v *ui.Visit, p personView) ui.View {
	ctx := v.Context()
	return ui.View{
		Styles: styles, Title: shownName(p.Account), Trail: []ui.Link{{Text: ui.T(ctx, "People"), To: "/people"}},
		Body: personBody(p), Actions: personActions(p),
	}
}

func shownName(a service.Account) string {
	if a.Display != "" {
		return a.Display
	}
	return a.Name
}

// named gives the account's name for an operation, which takes ids too.
func to(v *ui.Visit) string { return "/people/" + v.Path("id") }

func addPerson(v *ui.Visit) (ui.Done, error) {
	if v.Typed("password") != v.Typed("again") {
		return ui.Done{}, fault.New(fault.Invalid, "access.password", "the two passwords differ").At("again")
	}
	ask := service.UserAdd{Name: v.Typed("name"), Display: v.Typed("display"), Roles: v.Form["roles"], Password: v.Form.Get("password"), Reason: v.Typed("reason")}
	if len(ask.Roles) == 0 {
		return ui.Done{}, fault.New(fault.Invalid, "access.role", "choose at least one role").At("roles")
	}
	var made service.Account
	if err := v.Call("user.add", ask, &made); err != nil {
		return ui.Done{}, at(err, "access.name", "name", "access.name-taken", "name", "access.password", "password", "access.role", "roles")
	}
	return ui.Done{To: "/people/" + string(made.ID), Toast: &ui.Toast{Text: ui.T(v.Context(), "The account is made.")}}, nil
}

// at puts faults at the fields they are about: pairs of code and field.
func at(err error, pairs ...string) error {
	f, ok := err.(*fault.Fault)
	if !ok {
		return err
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if f.Code == pairs[i] {
			return f.At(pairs[i+1])
		}
	}
	return err
}

func changePerson(v *ui.Visit) (ui.Done, error) {
	ask := service.UserChange{Name: v.Path("id"), Display: v.Typed("display"), Roles: v.Form["roles"], Reason: v.Typed("reason")}
	if ask.Roles == nil {
		ask.Roles = []string{}
	}
	return changed(v, ask, ui.T(v.Context(), "The account is changed."), nil)
}

func shutPerson(v *ui.Visit) (ui.Done, error) {
	ctx := v.Context()
	return changed(v, service.UserChange{Name: v.Path("id"), Disabled: true, Reason: v.Typed("reason")}, ui.T(ctx, "The account is shut; its sessions have ended."),
		&ui.Toast{Undo: to(v) + "/open", With: map[string]string{"reason": ui.T(ctx, "Taken back at once")}})
}

func openPerson(v *ui.Visit) (ui.Done, error) {
	ctx := v.Context()
	return changed(v, service.UserChange{Name: v.Path("id"), Enabled: true, Reason: v.Typed("reason")}, ui.T(ctx, "The account is open."),
		&ui.Toast{Undo: to(v) + "/shut", With: map[string]string{"reason": ui.T(ctx, "Taken back at once")}})
}

func changed(v *ui.Visit, ask service.UserChange, said string, toast *ui.Toast) (ui.Done, error) {
	if err := v.Call("user.change", ask, nil); err != nil {
		return ui.Done{}, at(err, "access.role", "roles", "access.more-than-own", "roles", "access.last-administrator", "roles")
	}
	if toast == nil {
		toast = &ui.Toast{}
	}
	toast.Text = said
	return ui.Done{To: to(v), Toast: toast}, nil
}

func setPassword(v *ui.Visit) (ui.Done, error) {
	if v.Form.Get("password") != v.Form.Get("again") {
		return ui.Done{}, fault.New(fault.Invalid, "access.password", "the two passwords differ").At("again")
	}
	if err := v.Call("user.password", service.UserPassword{Name: v.Path("id"), Password: v.Form.Get("password")}, nil); err != nil {
		return ui.Done{}, at(err, "access.password", "password")
	}
	return ui.Done{To: to(v), Toast: &ui.Toast{Text: ui.T(v.Context(), "The password is set; other sessions of the account have ended.")}}, nil
}

// makeLink shows the link this once, in the answer itself: it stands in no
// address and no list.
func makeLink(v *ui.Visit) (ui.Done, error) {
	var p personView
	if err := p.fill(v); err != nil {
		return ui.Done{}, err
	}
	p.Made = &service.SignInLink{}
	if err := v.Call("user.link", service.UserName{Name: v.Path("id"), Reason: v.Typed("reason")}, p.Made); err != nil {
		return ui.Done{}, err
	}
	p.Link = "https://" + v.Request.Host + p.Made.Path
	view := personPage(v, p)
	return ui.Done{View: &view}, nil
}

func removePerson(v *ui.Visit) (ui.Done, error) {
	if err := v.Call("user.remove", service.UserName{Name: v.Path("id"), Reason: v.Typed("reason")}, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/people", Toast: &ui.Toast{Text: ui.T(v.Context(), "The account is removed.")}}, nil
}

// may writes a role's permissions as people read them.
func may(ctx context.Context, r service.Role) string { return strings.Join(r.May, ", ") }
