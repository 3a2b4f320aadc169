package service_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/service"
)

var update = flag.Bool("update", false, "write the golden texts anew")

// Wrong text gives file, line, what is wrong and what was expected, and
// changes nothing (R56). Each folder of testdata/config is a case.
func TestWrongTexts(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	before := export(h)
	cases, err := os.ReadDir("testdata/config")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		text, err := os.ReadFile(filepath.Join("testdata/config", c.Name(), "text.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		ask := service.ConfigText{Name: "ward.yaml", Text: string(text), Reason: "test"}
		var messages [2]string
		for i, op := range []string{"config.diff", "config.apply"} {
			err := h.Door().Call(t.Context(), op, ask, nil)
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s: %s: %v", c.Name(), op, err)
				continue
			}
			messages[i] = err.Error() + "\n"
		}
		if messages[0] != messages[1] {
			t.Errorf("%s: diff says %s apply says %s", c.Name(), messages[0], messages[1])
		}
		golden(t, filepath.Join("testdata/config", c.Name(), "want.txt"), messages[0])
		forbid(t, c.Name(), messages[0], []string{"not-shown-W3"})
		if after := export(h); after != before {
			t.Fatalf("%s changed something:\n%s", c.Name(), after)
		}
	}
	for _, r := range h.Audited("config.apply") {
		if r.Outcome == audit.Done && r.Object != "config ward.yaml" {
			t.Errorf("%+v", r)
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s:\ngot  %swant %s%v", path, got, want, err)
	}
}

// diff shows exactly what apply then changes; the same text again changes
// nothing and audits nothing.
func TestDiffAndApply(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	var devices service.List[service.DeviceRow]
	h.Call("device.list", nil, &devices)
	id := devices.Rows[0].ID
	h.Call("device.adopt", service.DeviceAct{ID: id}, nil)
	text := strings.NewReplacer(
		"name: Bedside devices", "name: Beds",
		"settings: {listen: \"127.0.0.1:0\"}", "settings: {listen: \"127.0.0.1:0\", max_frame: 1048576}",
		"  - id: all\n", "  - id: every\n",
	).Replace(h.Ward()) + fmt.Sprintf("devices:\n  - {id: %s, name: Monitor 7, manufacturer: not what was heard}\n", id)
	want := []service.ConfigChange{
		{What: "channel ward", Do: "change", Key: "name", Was: "Bedside devices", Now: "Beds"},
		{What: "channel ward", Do: "change", Key: "settings.max_frame", Now: "1048576"},
		{What: "route all", Do: "remove"},
		{What: "route every", Do: "add"},
		{What: "device " + string(id), Do: "change", Key: "name", Now: "Monitor 7"},
	}
	ask := service.ConfigText{Name: "ward.yaml", Text: text, Reason: "test"}
	for _, op := range []string{"config.diff", "config.apply"} {
		var got []service.ConfigChange
		h.Call(op, ask, &got)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", op, got)
		}
	}
	before := h.Audited("")
	for _, op := range []string{"config.diff", "config.apply"} {
		var got []service.ConfigChange
		h.Call(op, ask, &got)
		if len(got) != 0 || got == nil {
			t.Errorf("%s of the same text: %#v", op, got)
		}
	}
	if after := h.Audited(""); len(after) != len(before) {
		t.Errorf("%+v", after[:len(after)-len(before)])
	}
	h.Call("config.apply", service.ConfigText{Text: "channels: []\n"}, nil)
	var page service.DevicePage
	h.Call("device.get", service.ID{ID: string(id)}, &page)
	if page.Device.Adopted() || page.Device.Asserted.Name != "Monitor 7" {
		t.Errorf("%+v", page.Device)
	}
	if text := export(h); !strings.HasSuffix(text, "channels: []\ndestinations: []\nroutes: []\nlabels: []\nprofiles: []\nservices: []\ntemplates: []\nsegments: []\napprovals: []\nplans: []\ncontracts: []\ndevices: []\n") {
		t.Error(text)
	}
}

// words that YAML would read as something else when they stand bare.
var words = []string{
	"plain", "with space", "0123", "1e3", "1_000", "0x1F", "0o17", "1.50", "-", "--", "~", "null", "Null", "true", "no", "yes", "on", ".inf", ".nan", "12:30:00",
	"2026-11-21", "a: b", "a #b", "#a", "- a", "? a", "@a", "%a", "`a", "&a", "*a", "!a", "|", ">", "[a", "{a", "a]", "'", "\"", "a'b", `a"b`, `a\b`, " lead", "trail ",
	"two\nlines", "two\nlines\n", "\ttab", "ümläut", "日本語", "a,b", "=", "<<", "(secret)x", "C:\\x", "\u0085", "\u2028", "\ufeff", "😀", "+1", "1.", ".5", "0", "-0", "1e400",
}

// What is exported can be applied to an empty server, whose export is the same
// text; applied again it is no difference.
func TestExportRoundTrip(t *testing.T) {
	if testing.Short() {
		t.Skip("a long test; one thing after another")
	}
	random := rand.New(rand.NewPCG(7, 7))
	pick := func() string { return words[random.IntN(len(words))] }
	for range 4 {
		h, empty := apptest.Start(t), apptest.Start(t)
		for i := range 4 {
			h.Call("channel.put", service.Put[model.Channel]{Value: model.Channel{
				ID: model.ChannelID(fmt.Sprintf("c%d", i)), Name: pick(), Driver: "mllp", Codec: "hl7v2", Zone: []string{"", "Europe/Berlin"}[i%2], Unknown: []string{"", "quarantine"}[i/2],
				Disabled: i > 0, Settings: map[string]any{"listen": "127.0.0.1:0", "idle_timeout": "90s", "charset": "8859/1", "max_frame": 1 << 20, "tls": map[string]any{"require_client": false}},
			}}, nil)
			systems := map[string]any{"": "urn:oid:1.2.3"}
			for j := range 5 {
				systems[pick()] = fmt.Sprintf("urn:oid:1.2.%d", j)
			}
			h.Call("destination.put", service.Put[model.Destination]{Value: model.Destination{
				ID: model.DestinationID(fmt.Sprintf("d%d", i)), Name: pick(), Kind: "fhir", Disabled: true, Delivery: model.DeliveryRules{MaxAttempts: i, OnDead: []string{"", "hold"}[i%2]},
				Settings: map[string]any{"base_url": "http://127.0.0.1:1/fhir", "check": false, "systems": systems},
			}}, nil)
			h.Call("route.put", service.Put[model.Route]{Value: model.Route{
				ID: model.RouteID(fmt.Sprintf("r%d", i)), Destinations: []model.DestinationID{"d0"}, Types: []string{"ORU^R01", "ADT"}, Models: []string{"x" + pick() + "x", "y" + pick() + "y"}, Locations: []string{"ICU^2"}, Simulated: i%2 == 0, Disabled: true,
			}}, nil)
			device := fmt.Sprintf("devices:\n  - {id: dev-%d, name: %s, note: %s, place: ICU^%d^1, keys: [%s]}\n", i, quote(pick()), quote(pick()), i, quote(pick()))
			text := strings.Replace(export(h), "devices:\n", device, 1)
			if !strings.Contains(text, device) {
				text += device
			}
			h.Call("config.apply", service.ConfigText{Text: text}, nil)
		}
		text := export(h)
		if err := empty.Door().Call(t.Context(), "config.apply", service.ConfigText{Name: "export.yaml", Text: text}, nil); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if again := export(empty); again != text {
			t.Fatalf("the export differs:\n%s", difference(text, again))
		}
		empty.Again()
		if again := export(empty); again != text {
			t.Fatalf("the export differs after a restart:\n%s", difference(text, again))
		}
		var changes []service.ConfigChange
		h.Call("config.diff", service.ConfigText{Text: text}, &changes)
		if len(changes) != 0 {
			t.Errorf("%+v", changes)
		}
		h.Stop()
		empty.Stop()
	}
}

func quote(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			return strings.Join(x[i:min(len(x), i+3)], "\n") + "\n--\n" + strings.Join(y[min(i, len(y)):min(len(y), i+3)], "\n")
		}
	}
	return strings.Join(y[len(x):], "\n")
}

// Applying while messages come loses none: what was acknowledged is recorded
// and delivered.
func TestApplyUnderTraffic(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	const messages = 60
	ward := strings.Replace(h.Ward(), "127.0.0.1:0", h.App.ChannelAddress("ward"), 1)
	var sending sync.WaitGroup
	done := make(chan struct{})
	sending.Go(func() {
		defer close(done)
		for i := range messages {
			h.Send("ORU^R01^ORU_R01", fmt.Sprintf("PID|1||MRN-%d^^^HOSP^MR", i%5))
		}
	})
	for n := 0; ; n++ {
		// A destination's name changes; now and then the link is opened again.
		text := strings.Replace(ward, "kind: file", fmt.Sprintf("kind: file\n    name: Archive %d", n), 1)
		if n%5 == 4 {
			text = strings.Replace(text, "\"}", fmt.Sprintf("\", idle_timeout: %dm}", n+1), 1)
		}
		h.Call("config.apply", service.ConfigText{Text: text}, nil)
		select {
		case <-done:
		default:
			continue
		}
		break
	}
	sending.Wait()
	var rows []service.DestinationRow
	h.Until("everything is delivered", func() bool {
		h.Call("destination.list", nil, &rows)
		return rows[0].Queued == 0 && rows[0].Delivered >= messages
	})
	var o service.Overview
	h.Call("overview.get", nil, &o)
	if o.Channels[0].Recorded-o.Channels[0].Duplicates != messages+4 || rows[0].Dead != 0 || rows[0].Delivered != messages+4 {
		t.Errorf("%+v %+v", o.Channels[0], rows[0])
	}
}

// R12, R56: a profile of this house leaves with its cases, whatever bytes they
// have, and comes in force elsewhere with them: the same text again, nothing
// to change, and the cases still refuse what breaks them.
func TestExportWithProfileCases(t *testing.T) {
	h, empty := apptest.Start(t), apptest.Start(t)
	files := map[string]string{
		"profile.yaml": "profile: acme/kept\nversion: 3\ntitle: 'colon: and # sign'\ncodec: hl7v2\napplies_to: {sender: KEPT}\nevidence: [{document: this test}]\ntable: labels.csv\n",
		"labels.csv":   "label;code;unit_in\nPULS;MDC_ECG_HEART_RATE;/min\n",
		// Bytes that are no text: carriage returns and Latin-1.
		"cases/raw/input.hl7.base64": base64.StdEncoding.EncodeToString([]byte("MSH|^~\\&|KEPT|||H|20261101115959+0000||ORU^R01|1|P|2.6\rPID|||4711||M\xfcller\rOBR|1|||V\rOBX|1|NM|PULS||72||||||F\r")),
	}
	var tested service.ProfilesTested
	h.Call("profile.test", service.ProfileTest{Files: files}, &tested)
	if len(tested.Profiles) != 1 || len(tested.Profiles[0].Cases) != 1 || len(tested.Profiles[0].Cases[0].Problems) == 0 {
		t.Fatalf("%+v", tested)
	}
	for _, line := range tested.Profiles[0].Cases[0].Problems {
		files["cases/raw/expected.jsonl"] += line.Got + "\n"
	}
	h.Call("profile.put", service.PutProfile{Files: files, Reason: "test"}, nil)
	text := export(h)
	var changes []service.ConfigChange
	empty.Call("config.diff", service.ConfigText{Text: text}, &changes)
	if len(changes) != 1 || changes[0].What != "profile acme-kept" || changes[0].Do != "add" {
		t.Errorf("%+v", changes)
	}
	empty.Call("config.apply", service.ConfigText{Name: "export.yaml", Text: text, Reason: "test"}, nil)
	for _, one := range []*apptest.House{h, empty} {
		if again := export(one); again != text {
			t.Errorf("the export differs:\n%s", difference(text, again))
		}
		changes = nil
		one.Call("config.diff", service.ConfigText{Text: text}, &changes)
		if len(changes) != 0 {
			t.Errorf("%+v", changes)
		}
		var page service.ProfilePage
		one.Call("profile.get", service.ProfileAsk{ID: "acme/kept"}, &page)
		if !maps.Equal(page.CaseFiles, map[string]string{"cases/raw/input.hl7.base64": files["cases/raw/input.hl7.base64"], "cases/raw/expected.jsonl": files["cases/raw/expected.jsonl"]}) || len(page.Cases) != 1 || !page.Cases[0].OK {
			t.Errorf("%+v %+v", page.CaseFiles, page.Cases)
		}
	}
	broken := maps.Clone(files)
	broken["labels.csv"] = strings.Replace(files["labels.csv"], "MDC_ECG_HEART_RATE", "MDC_PULS_RATE", 1)
	broken["profile.yaml"] = strings.Replace(files["profile.yaml"], "version: 3", "version: 4", 1)
	maps.DeleteFunc(broken, func(name, _ string) bool { return strings.HasPrefix(name, "cases/") })
	if err := empty.Door().Call(t.Context(), "profile.put", &service.PutProfile{Files: broken, Reason: "test"}, nil); fault.CodeOf(err) != "service.profile-cases" {
		t.Errorf("what breaks the cases that were applied: %v", err)
	}
}

// A text made from a state that somebody changed since does not run over the
// change, where it says what it was made from (R56).
func TestApplyFromAnOlderState(t *testing.T) {
	h := apptest.Start(t)
	h.Call("config.apply", service.ConfigText{Text: h.Ward()}, nil)
	var text service.ConfigText
	h.Call("config.export", nil, &text)
	mine := service.ConfigText{Text: text.Text + "segments: [{id: icu, name: Intensive care, ranges: [10.20.0.0/16]}]\n", Base: text.Base}
	other := service.Put[model.Segment]{Value: model.Segment{ID: "er", Name: "Emergency", Ranges: []string{"10.30.0.0/16"}}}
	h.Call("segment.put", other, nil)
	for _, op := range []string{"config.diff", "config.apply"} {
		expect(t, op, h.Door().Call(t.Context(), op, mine, nil), fault.Conflict, "service.base")
	}
	if !strings.Contains(export(h), "Emergency") {
		t.Error("what the other made is gone")
	}
	h.Call("segment.remove", service.Remove{ID: "er"}, nil) // as it was: nothing is run over
	h.Call("config.diff", mine, nil)
	h.Call("config.apply", mine, nil)
	if !strings.Contains(export(h), "Intensive care") {
		t.Error("it was not brought in force")
	}
	expect(t, "twice", h.Door().Call(t.Context(), "config.apply", mine, nil), fault.Conflict, "service.base")
}

// A channel that names no codec is read with its driver's first, by a text as by
// a put, and is the same channel as one that names it.
func TestChannelWithoutCodec(t *testing.T) {
	h := apptest.Start(t)
	var put register.Versioned[model.Channel]
	h.Call("channel.put", service.Put[model.Channel]{Value: model.Channel{ID: "one", Driver: "rest", Settings: map[string]any{"listen": "127.0.0.1:0"}}}, &put)
	if put.Value.Codec != "json" {
		t.Errorf("put with codec %q", put.Value.Codec)
	}
	text := "channels:\n  - {id: one, driver: rest, settings: {listen: '127.0.0.1:0'}}\n  - {id: two, driver: mllp, settings: {listen: '127.0.0.1:0'}}\n"
	for _, want := range []int{1, 0} {
		var diff []service.ConfigChange
		if h.Call("config.diff", service.ConfigText{Text: text}, &diff); len(diff) != want {
			t.Errorf("%+v, want %d changes", diff, want)
		}
		h.Call("config.apply", service.ConfigText{Text: text, Reason: "test"}, nil)
	}
	var two register.Versioned[model.Channel]
	if h.Call("channel.get", service.ID{ID: "two"}, &two); two.Value.Codec != "hl7v2" {
		t.Errorf("codec %q", two.Value.Codec)
	}
	if err := h.Door().Call(t.Context(), "channel.put", service.Put[model.Channel]{Value: model.Channel{ID: "x", Driver: "smoke"}}, nil); fault.CodeOf(err) != "app.unknown-driver" {
		t.Error(err)
	}
}
