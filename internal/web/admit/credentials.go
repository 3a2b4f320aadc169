package admit

import (
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
	Names  map[model.DeviceID]string
	Made   *service.CredentialMade
}

func (p *credentialsView) fill(v *ui.Visit) error {
	if err := v.Call("credential.list", service.CredentialAsk{Device: p.Device}, &p.Rows); err != nil {
		return err
	}
	p.Names = map[model.DeviceID]string{}
	for _, row := range p.Rows {
		if row.Device != "" && v.May("device.get") {
			p.Names[row.Device] = ""
		}
	}
	if len(p.Names) == 0 || !v.May("device.list") {
		return nil
	}
	var known service.List[service.DeviceRow]
	if err := v.Call("device.list", service.DeviceAsk{Limit: 1000}, &known); err != nil {
		return err
	}
	for _, d := range known.Rows {
		if _, ok := p.Names[d.ID]; ok {
			p.Names[d.ID] = strings.TrimSpace(d.Name)
			if p.Names[d.ID] == "" {
				p.Names[d.ID] = strings.TrimSpace(d.Manufacturer + " " + d.Model + " " + d.Serial)
			}
		}
	}
	return nil
}

func (p *credentialsView) named(id model.DeviceID) string {
	if name := p.Names[id]; name != "" {
		return name
	}
	return string(id)
}

func credentials(v *ui.Visit) (ui.View, error) {
	p := credentialsView{Device: model.DeviceID(v.Query("device"))}
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
