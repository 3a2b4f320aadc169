package service_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/state"
	"thalamus/internal/service"
)

// accepting is a house whose ward asks for accepted devices, and people who
// sign.
type accepting struct {
	*apptest.House
	t       *testing.T
	device  model.DeviceID
	version string // software the monitor tells of
	at      string // port 0 is another one after each change
}

func (h *accepting) channel(accept string) {
	h.t.Helper()
	text := strings.Replace(h.Ward(), "    codec: hl7v2\n", "    codec: hl7v2\n    accept: "+accept+"\n", 1)
	if accept == "" {
		text = h.Ward()
	}
	h.Call("config.apply", service.ConfigText{Name: "ward.yaml", Text: strings.Replace(text, "127.0.0.1:0", h.at, 1) + h.adopted(), Reason: "test"}, nil)
}

// adopted keeps in the text what was adopted: what it leaves out is released.
func (h *accepting) adopted() string {
	if h.device == "" {
		return ""
	}
	return fmt.Sprintf("devices:\n  - id: %s\n", h.device)
}

// speak lets the monitor send its values.
func (h *accepting) speak() model.Seq {
	h.t.Helper()
	now := time.Now().UTC().Format("20060102150405") + "+0000"
	return h.Send("ORU^R01^ORU_R01", "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda\rPV1|1|I|ICU^2^23\rOBR|1||||||"+now+"\r"+
		"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON-7^^0003B10000000077^EUI-64\r"+
		"OBX|2|ST|531970^MDC_ID_MODEL_MANUFACTURER^MDC|1.0.0.1|Acme||||||R\r"+
		"OBX|3|ST|531969^MDC_ID_MODEL_NUMBER^MDC|1.0.0.2|VM-200||||||R\r"+
		"OBX|4|ST|531975^MDC_ID_PROD_SPEC_SW^MDC|1.0.0.3|"+h.version+"||||||R\r"+
		"OBX|5|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F")
}

// delivered counts what the archive got and what waits for it.
func (h *accepting) delivered() (got, waits int64) {
	var rows []service.DestinationRow
	h.Call("destination.list", nil, &rows)
	return rows[0].Delivered, rows[0].Quarantined
}

func (h *accepting) until(got, waits int64) {
	h.t.Helper()
	h.Until(fmt.Sprintf("%d are delivered and %d wait", got, waits), func() bool {
		g, w := h.delivered()
		return g == got && w == waits
	})
}

// as calls as a person with roles.
func (h *accepting) as(name string, roles ...string) *service.Door {
	return h.App.Service().As(access.Actor{ID: model.ActorID("user:" + name), Name: name, Roles: roles, Kind: access.User}, service.Origin{})
}

func (h *accepting) sign(id string) {
	h.t.Helper()
	for role, name := range map[acceptance.Role]string{acceptance.Biomed: "Bo", acceptance.IT: "Ida", acceptance.Security: "Sam", acceptance.Clinical: "Cleo"} {
		if err := h.as(name, string(role)).Call(context.Background(), "acceptance.sign", service.AcceptanceSign{AcceptanceAct: service.AcceptanceAct{ID: id}, Role: role}, nil); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *accepting) page(id string) (p service.AcceptancePage) {
	h.t.Helper()
	h.Call("acceptance.get", service.ID{ID: id}, &p)
	return p
}

// worksheet is the whole form of a maker who does not exist.
func worksheet(t *testing.T) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "imports", "mds2", "testdata", "whole", "form.csv"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// begun begins an acceptance and answers what the maker's worksheet leaves
// open.
func (h *accepting) begun(subject fact.Subject) string {
	h.t.Helper()
	var row service.AcceptanceRow
	h.Call("acceptance.begin", service.AcceptanceBegin{Subject: subject, Reason: "bought"}, &row)
	var got service.AcceptanceImported
	h.Call("acceptance.import", service.AcceptanceImport{AcceptanceAct: service.AcceptanceAct{ID: row.ID}, Name: "MDS2.csv", File: worksheet(h.t)}, &got)
	if got.Maker != "Acme Medical" || got.Statements != 240 || got.Evidence != 12 || got.Answers != 11 {
		h.t.Errorf("imported %+v", got)
	}
	for _, q := range h.page(row.ID).Open {
		h.Call("acceptance.answer", service.AcceptanceAnswer{AcceptanceAct: service.AcceptanceAct{ID: row.ID}, Question: q, Value: acceptance.Yes, Document: "D-4711, page 3"}, nil)
	}
	return row.ID
}

func house(t *testing.T) *accepting {
	h := &accepting{House: apptest.Start(t), t: t, version: "1.0", at: "127.0.0.1:0"}
	h.channel("required")
	h.at = h.App.ChannelAddress("ward")
	return h
}

// TestAcceptance: a model is accepted by four people; what its device sent
// before waits and goes out in its order; another release reopens it, which
// does not silence the device; a strict channel does (R32).
func TestAcceptance(t *testing.T) {
	h := house(t)
	h.speak()
	h.speak()
	h.until(0, 2)
	var list service.List[service.DeviceRow]
	h.Call("device.list", nil, &list)
	h.device = list.Rows[0].ID
	h.Call("device.adopt", service.DeviceAct{ID: h.device}, nil)
	subject := fact.Of(fact.OfModel, register.ModelID("Acme", "VM-200"))
	id := h.begun(subject)

	// TXCF-2 says yes, and the link is plain: whoever signs reads that.
	if p := h.page(id); !slices.Equal(p.Against, []string{"ward"}) || p.Waiting != 2 || p.Devices != 1 || p.State != acceptance.Answered {
		t.Errorf("before it is signed: %+v", p)
	}
	sign := service.AcceptanceSign{AcceptanceAct: service.AcceptanceAct{ID: id}, Role: acceptance.IT}
	for name, c := range map[string]struct {
		door *service.Door
		code string
	}{
		"another role": {h.as("Bo", "biomed"), "acceptance.role"},
		"a viewer":     {h.as("Vi", "viewer"), "access.denied"},
		"a token":      {h.App.Service().As(access.Actor{ID: "token:1", Name: "t", Roles: []string{"administrator", "it"}, Kind: access.Token}, service.Origin{}), "acceptance.person"},
		"an engineer":  {h.as("Eng", "engineer"), "access.denied"},
	} {
		if err := c.door.Call(t.Context(), "acceptance.sign", sign, nil); fault.CodeOf(err) != c.code {
			t.Errorf("%s signs: %v, expected %s", name, err, c.code)
		}
	}
	h.until(0, 2)
	h.sign(id)
	h.until(2, 0)
	p := h.page(id)
	if p.State != acceptance.Accepted || p.Ends.IsZero() || p.Waiting != 0 || len(p.Steps) < 7 {
		t.Errorf("accepted: %+v", p)
	}
	if n := len(h.Audited("acceptance.sign")); n < 8 { // four signed, four were refused
		t.Errorf("%d audit records", n)
	}

	h.version = "2.0"
	h.speak()
	h.Until("the new release reopens it", func() bool { return h.page(id).State == acceptance.Reopened })
	if why := h.page(id).Why; len(why) != 1 || why[0].Kind != acceptance.NewRelease || why[0].Was != "1.0" || why[0].Now != "2.0" || why[0].Device != h.device {
		t.Errorf("reopened because of %+v", why)
	}
	if r := h.Audited("acceptance.reopen"); len(r) != 1 || r[0].Actor != "system" || !strings.Contains(r[0].Reason, "2.0") {
		t.Errorf("the audit of reopening: %+v", r)
	}
	h.speak()
	h.until(4, 0)
	if why := notAccepted(h); why == nil || !strings.Contains(why.Why.Now, "software 2.0 instead of 1.0") {
		t.Errorf("the device's states: %+v", why)
	}
	h.channel("strict")
	h.speak()
	h.until(4, 1)
	h.channel("required")
	h.until(5, 0) // what waited goes with what may go now
	h.sign(id)
	h.channel("strict")
	h.speak()
	h.until(6, 0)
	if why := notAccepted(h); why != nil {
		t.Errorf("accepted again: %+v", why)
	}

	if err := h.as("Ida", "it").Call(t.Context(), "acceptance.reject", service.AcceptanceAct{ID: id, Reason: "no updates"}, nil); err != nil {
		t.Fatal(err)
	}
	h.channel("required")
	h.speak()
	h.until(6, 1)
	h.Again() // what is accepted, and what waits, outlives a restart
	h.until(6, 1)
	h.channel("")
	h.until(7, 0)
}

func notAccepted(h *accepting) *state.State {
	h.t.Helper()
	var page service.DevicePage
	h.Call("device.get", service.ID{ID: string(h.device)}, &page)
	for _, s := range page.States {
		if s.Kind == state.NotAccepted {
			return &s
		}
	}
	return nil
}

// TestReleaseIsSucceeded: where a release was accepted and its device is
// updated, the new release is reopened with the answers of the old one, and the
// device goes on (decision 111).
func TestReleaseIsSucceeded(t *testing.T) {
	h := house(t)
	h.speak()
	var list service.List[service.DeviceRow]
	h.Call("device.list", nil, &list)
	h.device = list.Rows[0].ID
	h.Call("device.adopt", service.DeviceAct{ID: h.device}, nil)
	modelID := register.ModelID("Acme", "VM-200")
	h.sign(h.begun(fact.Of(fact.OfRelease, register.ReleaseID(modelID, "1.0"))))
	h.until(1, 0)
	h.version = "1.1"
	h.speak()
	h.until(2, 0)
	next := h.page(register.AcceptanceID(fact.Of(fact.OfRelease, register.ReleaseID(modelID, "1.1"))))
	if next.State != acceptance.Reopened || next.Unanswered != 0 || next.Title != "Acme VM-200 1.1" || len(next.Signed) != 0 {
		t.Errorf("%+v", next)
	}
	h.speak()
	h.until(3, 0)
}

// TestGuidedTemplate: the template that the guide shows is one, is asked, and
// is written as it was read.
func TestGuidedTemplate(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guide", "it-security.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(guide), "```yaml\ntemplates:\n")
	text, _, found := strings.Cut(text, "```")
	if !ok || !found {
		t.Fatal("the guide shows no template")
	}
	h := apptest.Start(t)
	text = h.Ward() + "templates:\n" + text
	h.Call("config.apply", service.ConfigText{Name: "x.yaml", Text: text}, nil)
	var all []acceptance.Template
	h.Call("template.list", nil, &all)
	if len(all) != 2 || all[0].ID != acceptance.DefaultID || all[1].ID != "pumps" || len(all[1].Roles) != 4 || all[1].Questions[1].Watch != acceptance.Encrypted || all[1].Questions[0].Want != "yes" {
		t.Errorf("%+v", all)
	}
	var exported service.ConfigText
	h.Call("config.export", nil, &exported)
	var changes []service.ConfigChange
	h.Call("config.diff", exported, &changes)
	if len(changes) != 0 {
		t.Errorf("written as %s, read as %+v", exported.Text, changes)
	}
}
