package admit

import (
	"cmp"
	"context"
	"strings"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// credentialsView is the list; Made is one just made, with its secret.
type credentialsView struct {
	Rows   []service.CredentialRow
	Device model.DeviceID // whose credentials alone
	Text   string         // what is looked for
	Made   *service.CredentialMade
}

func (p *credentialsView) fill(v *ui.Visit) error {
	return v.Call("credential.list", service.CredentialAsk{Device: p.Device, Text: p.Text}, &p.Rows)
}

// ofDevice is what the device is called whose credentials alone are shown.
func (p *credentialsView) ofDevice() string {
	for _, row := range p.Rows {
		if row.DeviceName != "" {
			return row.DeviceName
		}
	}
	return string(p.Device)
}

// deviceOf is what the device of a row is called.
func deviceOf(row service.CredentialRow) string {
	return cmp.Or(row.DeviceName, string(row.Device))
}

func credentials(v *ui.Visit) (ui.View, error) {
	p := credentialsView{Device: model.DeviceID(v.Query("device")), Text: v.Query("text")}
	if v.Form != nil {
		p.Device = model.DeviceID(v.Typed("of"))
	}
	if err := p.fill(v); err != nil {
		return ui.View{}, err
	}
	return credentialsPage(v, p), nil
}

func credentialsPage(v *ui.Visit, p credentialsView) ui.View {
	return ui.View{Title: ui.T(v.Context(), "Credentials"), Body: credentialsBody(p)}
}

// lives are the lives a credential can have.
var lives = []struct {
	Days string
	Life time.Duration
}{{"", 0}, {"90", 90 * 24 * time.Hour}, {"365", 365 * 24 * time.Hour}, {"730", 730 * 24 * time.Hour}}

// createCredential shows what is secret this once, in the answer itself.
func createCredential(v *ui.Visit) (ui.Done, error) {
	why, err := v.Why()
	if err != nil {
		return ui.Done{}, err
	}
	ask := service.CredentialCreate{
		ID: v.Typed("id"), Device: model.DeviceID(v.Typed("device")), Note: v.Typed("note"), Certificate: v.Typed("kind") == "certificate",
		Publish: topics(v.Typed("publish")), Subscribe: topics(v.Typed("subscribe")), Reason: why,
	}
	for _, l := range lives {
		if l.Days == v.Typed("life") {
			ask.Life = model.Duration(l.Life)
		}
	}
	p := credentialsView{Made: &service.CredentialMade{}, Device: model.DeviceID(v.Typed("of"))}
	if err := v.Call("credential.create", ask, p.Made); err != nil {
		return ui.Done{}, err
	}
	v.Form = nil // the form begins anew
	if err := p.fill(v); err != nil {
		return ui.Done{}, err
	}
	view := credentialsPage(v, p)
	return ui.Done{View: &view}, nil
}

// topics reads topic filters with blanks or line ends between; nil for none.
func topics(text string) []string {
	if list := strings.Fields(text); len(list) > 0 {
		return list
	}
	return nil
}

func revokeCredential(v *ui.Visit) (ui.Done, error) {
	why, err := v.Why()
	if err != nil {
		return ui.Done{}, err
	}
	if err := v.Call("credential.revoke", service.Remove{ID: v.Path("id"), Reason: why}, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/credentials", Toast: &ui.Toast{Text: ui.T(v.Context(), "The credential is revoked; its connections are closed.")}}, nil
}

func kindText(ctx context.Context, kind string) string {
	if kind == "certificate" {
		return ui.T(ctx, "Certificate")
	}
	return ui.T(ctx, "Secret")
}

func lifeOptions(ctx context.Context) []ui.Option {
	out := []ui.Option{{Value: "", Text: ui.T(ctx, "As is usual: a secret until it is revoked, a certificate two years")}}
	for _, l := range lives[1:] {
		out = append(out, ui.Option{Value: l.Days, Text: ui.T(ctx, "%s days", l.Days)})
	}
	return out
}
