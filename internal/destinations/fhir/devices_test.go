package fhir

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/model"
	"thalamus/internal/sim/fhirserver"
)

const eui = "001122FFFE334455"

// report is a temperature of a personal device, n seconds into the day.
func report(n int, tell func(*model.Device)) *model.Message {
	at := time.Now().UTC().Add(time.Duration(n) * time.Second).Truncate(time.Millisecond)
	d := model.Device{Field: "peer", Level: "mds", Parent: -1, Identifiers: []model.Identifier{{Value: eui, System: "EUI-64", Type: "EUI-64"}}}
	if tell != nil {
		tell(&d)
	}
	return &model.Message{
		Codec: "phd", Channel: "home", Type: "report", Arrived: at, Ref: model.MessageRef{Seq: model.Seq(1000 + n)},
		Patient: &model.Patient{Identifiers: []model.Identifier{{Value: "P1", System: "Home", Type: "MR"}}},
		Devices: []model.Device{d},
		Observations: []model.Observation{{Field: "obs", Order: -1, Device: 0, Status: model.StatusFinal, ValueType: "number",
			Code: model.Code{MDC: 150364, RefID: "MDC_TEMP_BODY"}, Value: model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: 370, Exp: -1}},
			UnitUCUM: "Cel", DeviceTime: model.Timestamp{UTC: at, Precision: "fraction"}}},
	}
}

func full(firmware string) func(*model.Device) {
	return func(d *model.Device) {
		d.Manufacturer, d.Model, d.Serial = "Acme", "T-100", "S1"
		d.Personal = &model.Personal{
			Specialisations: []model.Specialisation{{Code: 528392, Version: "1"}},
			Versions:        []model.DeviceVersion{{Kind: 531976, Value: firmware}},
		}
	}
}

// theDevice reads the Device from the server as anybody would.
func theDevice(t *testing.T, base, query string) map[string]any {
	t.Helper()
	resp, err := http.Get(base + "/Device?" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	var bundle struct {
		Entry []struct{ Resource map[string]any }
	}
	if err := json.Unmarshal(text, &bundle); err != nil || len(bundle.Entry) != 1 {
		t.Fatalf("%d Devices of %s: %v %.500s", len(bundle.Entry), query, err, text)
	}
	return bundle.Entry[0].Resource
}

const byEUI = "identifier=urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680%7C" + eui

func says(r map[string]any, texts ...string) bool {
	b, _ := json.Marshal(r)
	for _, s := range texts {
		if !strings.Contains(string(b), s) {
			return false
		}
	}
	return true
}

func deliver(t *testing.T, d destination.Destination, list ...*model.Message) string {
	t.Helper()
	got, err := d.Deliver(t.Context(), parcels(list, 1))
	if err != nil {
		t.Fatal(err)
	}
	return got.Text
}

// What a device tells of itself after its first report reaches the receiver, once
// for each thing said, and never goes back.
func TestDeviceIsBroughtUpToDate(t *testing.T) {
	for name, start := range map[string]func() string{
		"fhirserver":           func() string { return listen(t, fhirserver.Options{}).URL() },
		"@medplum/fhir-router": func() string { return medplum(t) },
	} {
		t.Run(name, func(t *testing.T) {
			base := start()
			d := made(t, base, map[string]any{"gateway_clock": "ntp"})
			d.(*server).version = "1.0"
			deliver(t, d, report(1, nil))
			if r := theDevice(t, base, byEUI); says(r, "Acme") || says(r, "PhdDevice") {
				t.Fatalf("a device that told nothing: %v", r)
			}
			bare, old := report(9, nil), report(2, full("1.0"))
			if text := deliver(t, d, report(3, full("1.0"))); !strings.Contains(text, " updated") {
				t.Errorf("receipt %q", text)
			}
			if r := theDevice(t, base, byEUI); !says(r, "Acme", "T-100", "S1", "531976", `"1.0"`, "PhdDevice", "528392") {
				t.Errorf("after it told: %v", r)
			}
			deliver(t, d, report(5, full("2.0")))
			if r := theDevice(t, base, byEUI); !says(r, `"2.0"`) || says(r, `"1.0"`) {
				t.Errorf("after new firmware: %v", r)
			}
			// Older knowledge, less knowledge, a replay and another start change nothing.
			deliver(t, d, old)
			deliver(t, d, bare)
			replayed := parcels([]*model.Message{report(2, full("1.0"))}, 1)
			replayed[0].Replay = 4
			if _, err := d.Deliver(t.Context(), replayed); err != nil {
				t.Fatal(err)
			}
			again := made(t, base, map[string]any{"gateway_clock": "ntp"})
			again.(*server).version = "1.0"
			deliver(t, again, report(-60, full("1.0")))
			r := theDevice(t, base, byEUI)
			if !says(r, `"2.0"`, "Acme", "PhdDevice") || says(r, `"1.0"`) {
				t.Errorf("older knowledge came over newer: %v", r)
			}
			version := r["meta"].(map[string]any)["versionId"]
			for n := range 20 {
				deliver(t, again, report(20+n, full("2.0")))
			}
			if now := theDevice(t, base, byEUI)["meta"].(map[string]any)["versionId"]; now != version {
				t.Errorf("nothing new was said, and version %v became %v", version, now)
			}
		})
	}
}

// Twenty reports ask no more of the server than one.
func TestDeviceIsLookedAtOnce(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	d := made(t, s.URL(), nil)
	for n := range 20 {
		tell := full("1.0")
		if n%2 == 1 {
			tell = nil
		}
		deliver(t, d, report(n, tell))
	}
	if n := s.Looks(); n > 4 { // the gateway, the device full, bare and full again
		t.Errorf("%d searches for twenty reports", n)
	}
}

// A batch has a Device once, with what all its messages tell.
func TestDeviceOfABatch(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	d := made(t, s.URL(), nil)
	deliver(t, d, report(1, nil), report(2, full("1.0")), report(3, nil), report(4, full("2.0")))
	if r := theDevice(t, s.URL(), byEUI); !says(r, "Acme", `"2.0"`) || says(r, `"1.0"`) {
		t.Errorf("%v", r)
	}
}

// Who tells of itself without a value is told of.
func TestDeviceAlone(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	d := made(t, s.URL(), nil)
	m := report(1, full("1.0"))
	m.Observations = nil
	deliver(t, d, m)
	theDevice(t, s.URL(), byEUI)
	m = report(2, full("1.1"))
	m.Observations = nil
	deliver(t, d, m)
	if r := theDevice(t, s.URL(), byEUI); !says(r, `"1.1"`) {
		t.Errorf("%v", r)
	}
}

// A device that was known by its address alone, before it told its system id,
// stays one Device.
func TestDeviceKnownByAddress(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	d := made(t, s.URL(), nil)
	address := model.Identifier{Value: "C0:FF:EE:00:00:01", System: "MAC", Type: "MAC"}
	bare := report(1, func(d *model.Device) { d.Identifiers = []model.Identifier{address} })
	whole := report(2, func(d *model.Device) { full("1.0")(d); d.Identifiers = append(d.Identifiers, address) })
	bare.Codec, whole.Codec = "gatt", "gatt"
	deliver(t, d, bare)
	deliver(t, d, whole)
	if n := s.Counts().Resources["Device"]; n != 2 {
		t.Errorf("%d Devices, want the gateway and one", n)
	}
	if r := theDevice(t, s.URL(), byEUI); !says(r, "C0:FF:EE:00:00:01", "Acme") {
		t.Errorf("%v", r)
	}
}

// What others wrote to a Device stays.
func TestDeviceKeepsWhatOthersWrote(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	d := made(t, s.URL(), nil)
	deliver(t, d, report(1, nil))
	r := theDevice(t, s.URL(), byEUI)
	r["owner"] = map[string]any{"display": "Ward 3"}
	r["manufacturer"] = "ACME Medical"
	body, _ := json.Marshal(r)
	q, _ := http.NewRequest(http.MethodPut, s.URL()+"/Device/"+r["id"].(string), strings.NewReader(string(body)))
	if resp, err := http.DefaultClient.Do(q); err != nil || resp.StatusCode != 200 {
		t.Fatal(err, resp)
	}
	deliver(t, d, report(60, full("1.0")))
	if r := theDevice(t, s.URL(), byEUI); !says(r, "Ward 3", "ACME Medical", "T-100", `"1.0"`) {
		t.Errorf("%v", r)
	}
}

// A server that refuses an update gets the values all the same, is not asked
// again each time, and no Observation claims what its Device does not.
func TestDeviceUpdateRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int32
		more   map[string]any
		o      fhirserver.Options
	}{
		{name: "405", status: 405}, {name: "403", status: 403}, {name: "412", status: 412}, {name: "409", status: 409}, {name: "422", status: 422},
		{name: "500", status: 500}, {name: "301", status: 301}, {name: "keep_devices", more: map[string]any{"keep_devices": true}},
		{name: "metadata", o: fhirserver.Options{KeepsDevices: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := listen(t, c.o)
			s.DevicePut.Store(c.status)
			more := map[string]any{"gateway_clock": "ntp"}
			for k, v := range c.more {
				more[k] = v
			}
			d := made(t, s.URL(), more)
			d.(*server).version = "1.0"
			deliver(t, d, report(1, nil))
			for n := range 30 {
				deliver(t, d, report(2+n, full("1.0")))
			}
			if c := s.Counts(); c.Resources["Observation"] != 31 {
				t.Errorf("%+v", c)
			}
			if n := s.Looks(); n > 3+deviceLooks*deviceTries {
				t.Errorf("%d searches", n)
			}
			if r := theDevice(t, s.URL(), byEUI); says(r, "Acme") {
				t.Fatalf("it was updated: %v", r)
			}
			if claimed := search(t, s.URL(), "Observation"); strings.Contains(claimed, "PhdNumericObservation") {
				t.Error("an Observation claims a profile that its Device does not")
			}
		})
	}
}

func search(t *testing.T, base, kind string) string {
	t.Helper()
	resp, err := http.Get(base + "/" + kind)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return string(text)
}

// While a server shows nothing, or says nothing, what is owed goes out, and it is
// asked once a minute.
func TestDeviceLookFails(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"404":     func(w http.ResponseWriter) { w.WriteHeader(404) },
		"403":     func(w http.ResponseWriter) { w.WriteHeader(403) },
		"502":     func(w http.ResponseWriter) { w.WriteHeader(502) },
		"garbage": func(w http.ResponseWriter) { w.Write([]byte("\x00{")) },
		"huge":    func(w http.ResponseWriter) { w.Write(make([]byte, 2<<20)) },
		"hostile id": func(w http.ResponseWriter) {
			io.WriteString(w, `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Device","id":"../Patient/1"}}]}`)
		},
		"two": func(w http.ResponseWriter) {
			io.WriteString(w, `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Device","id":"1"}},{"resource":{"resourceType":"Device","id":"2"}}]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := listen(t, fhirserver.Options{})
			var asked, put atomic.Int32
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPut:
					put.Add(1)
					w.WriteHeader(500)
				case strings.HasPrefix(r.URL.Path, "/fhir/Device"):
					asked.Add(1)
					answer(w)
				default:
					q, _ := http.NewRequest(r.Method, strings.Replace(s.URL(), "/fhir", "", 1)+r.URL.Path, r.Body)
					resp, err := http.DefaultClient.Do(q)
					if err != nil {
						w.WriteHeader(502)
						return
					}
					defer resp.Body.Close()
					w.WriteHeader(resp.StatusCode)
					io.Copy(w, resp.Body)
				}
			}))
			defer front.Close()
			d := made(t, front.URL+"/fhir", nil)
			for n := range 10 {
				deliver(t, d, report(n, full("1.0")))
			}
			if n := s.Counts().Resources["Observation"]; n != 10 {
				t.Errorf("%d Observations", n)
			}
			if asked.Load() > 2 || put.Load() > 0 {
				t.Errorf("asked %d times, %d updates", asked.Load(), put.Load())
			}
		})
	}
}

// Several lanes tell of one device at once; the newest firmware stands at last.
func TestDeviceOfSeveralLanes(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	d := made(t, s.URL(), nil)
	deliver(t, d, report(0, nil))
	var all sync.WaitGroup
	for n := 1; n <= 8; n++ {
		all.Add(1)
		go func() {
			defer all.Done()
			m := report(n, full("1."+string(rune('0'+n))))
			m.Patient.Identifiers[0].Value = "P" + string(rune('0'+n))
			if _, err := d.Deliver(t.Context(), parcels([]*model.Message{m}, 1)); err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
	if r := theDevice(t, s.URL(), byEUI); !says(r, `"1.8"`) || s.Counts().Resources["Device"] != 2 {
		t.Errorf("%v", r)
	}
}
