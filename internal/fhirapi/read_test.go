package fhirapi_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register/fact"
	"thalamus/internal/service"
)

// A Device tells what counts of it, and what it refers to is there (R4, R29).
func TestDevice(t *testing.T) {
	h, id := furnished(t)
	token, _ := h.Token("viewer")
	a := get(t, h, token, "/fhir/Device/"+id)
	d := a.tree
	for _, c := range []struct {
		want string
		path []any
	}{
		{"Device", []any{"resourceType"}}, {id, []any{"id"}},
		{gtin, []any{"udiCarrier", 0, "deviceIdentifier"}}, {"http://hl7.org/fhir/NamingSystem/gs1-di", []any{"udiCarrier", 0, "issuer"}}, {tag, []any{"udiCarrier", 0, "carrierHRF"}},
		{"active", []any{"status"}}, {"Acme Medical", []any{"manufacturer"}}, {"SN-4711", []any{"serialNumber"}}, {"LOT7", []any{"lotNumber"}}, {"2025-01-31", []any{"manufactureDate"}},
		{"Monitor 7", []any{"deviceName", 0, "name"}}, {"user-friendly-name", []any{"deviceName", 0, "type"}}, {"VM-200", []any{"deviceName", 1, "name"}}, {"VM-200", []any{"modelNumber"}},
		{"531975", []any{"version", 0, "type", "coding", 0, "code"}}, {"2.4.1", []any{"version", 0, "value"}}, {"C", []any{"version", 1, "value"}},
		{"69965", []any{"type", "coding", 0, "code"}},
		{"Intensive care", []any{"owner", "display"}}, {"at the window", []any{"note", 0, "text"}},
		{"HOSP, ICU, room 2, bed 23", []any{"location", "display"}},
		{"MRN-774411", []any{"patient", "identifier", "value"}}, {"urn:id:HOSP", []any{"patient", "identifier", "system"}},
		{"online", []any{"statusReason", 0, "coding", 0, "code"}},
	} {
		if got := text(d, c.path...); got != c.want {
			t.Errorf("%v is %q, not %q", c.path, got, c.want)
		}
	}
	systems := map[string]string{}
	list, _ := d["identifier"].([]any)
	for _, i := range list {
		systems[text(i, "system")] = text(i, "value")
	}
	for system, value := range map[string]string{"urn:id:thalamus-device": id, "urn:id:thalamus-asset": "A-100", "urn:id:thalamus-mac": "00:11:22:33:44:55", "urn:id:device:Acme_20Medical:VM-200": "SN-4711", "urn:id:MON-1": "MON-1"} {
		if systems[system] != value {
			t.Errorf("identifier %s is %q, not %q in %v", system, systems[system], value, systems)
		}
	}
	if !strings.Contains(string(a.body), `"code":"risk"`) {
		t.Error("no property says the risk")
	}
	definition := get(t, h, token, "/fhir/"+text(d, "definition", "reference")).tree
	for _, c := range []struct {
		want string
		path []any
	}{
		{gtin, []any{"identifier", 0, "value"}}, {"Acme Medical", []any{"manufacturerString"}}, {"33586", []any{"type", "coding", 0, "code"}}, {"Z1203020401", []any{"type", "coding", 1, "code"}}, {"2.4.1", []any{"version", 0}},
	} {
		if got := text(definition, c.path...); got != c.want {
			t.Errorf("definition %v is %q, not %q", c.path, got, c.want)
		}
	}
	var chain []string
	for at := text(d, "location", "reference"); at != ""; {
		l := get(t, h, token, "/fhir/"+at).tree
		chain = append(chain, text(l, "physicalType", "coding", 0, "code")+" "+text(l, "name"))
		at = text(l, "partOf", "reference")
	}
	if want := []string{"bd 23", "ro 2", "wa ICU", "si HOSP"}; !reflect.DeepEqual(chain, want) {
		t.Errorf("the place is %q, not %q", chain, want)
	}
	parts := entries(get(t, h, token, "/fhir/Device?parent=Device/"+id), "match")
	if len(parts) != 1 || text(parts[0], "deviceName", 0, "name") != "ECG cable" || text(parts[0], "parent", "reference") != "Device/"+id {
		t.Errorf("accessories: %v", parts)
	} else if one := get(t, h, token, "/fhir/Device/"+text(parts[0], "id")).tree; text(one, "lotNumber") != "L1" {
		t.Errorf("accessory: %v", one)
	}
}

// A DeviceMetric stands for what the device really sent; calibration comes from
// its work orders.
func TestMetric(t *testing.T) {
	h, id := furnished(t)
	token, _ := h.Token("viewer")
	found := entries(get(t, h, token, "/fhir/DeviceMetric?source=Device/"+id), "match")
	if len(found) != 1 || text(found[0], "type", "coding", 0, "code") != "147842" || text(found[0], "unit", "coding", 0, "code") != "/min" ||
		text(found[0], "source", "reference") != "Device/"+id || text(found[0], "category") != "measurement" || found[0]["calibration"] != nil {
		t.Fatalf("%v", found)
	}
	one := "/fhir/DeviceMetric/" + text(found[0], "id")
	for _, c := range []struct{ value, state, time string }{{"0.41", "calibration-required", ""}, {"0.12", "calibrated", "T00:00:00Z"}} {
		var order service.Order
		h.Call("order.open", service.OrderNew{Device: model.DeviceID(id), Kind: "calibration", Title: "Calibrate"}, &order)
		var ended service.OrderEnded
		h.Call("order.finish", service.OrderFinish{ID: order.ID, Finish: service.OrderFinding{Results: []service.Result{{Measure: service.Measure{Name: "Offset", Max: "0.3"}, Value: service.Number(c.value)}}}}, &ended)
		m := get(t, h, token, one).tree
		if text(m, "calibration", 0, "state") != c.state || !strings.HasSuffix(text(m, "calibration", 0, "time"), c.time) {
			t.Errorf("calibration: %v after %+v", m["calibration"], ended.Order.Finish)
		}
	}
	if found := ids(get(t, h, token, "/fhir/DeviceMetric?type=147842&_include=DeviceMetric:source"), "include"); len(found) != 2 || found[0] == found[1] {
		t.Errorf("metrics of every device, with their devices: %v", found)
	}
	if a := ask(t, h, token, "GET", "/fhir/DeviceMetric?_summary=count", ""); a.status != 400 || text(a.tree, "issue", 0, "details", "coding", 0, "code") != "fhirapi.costly" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A waveform is a metric too, with how often it is sampled.
func TestMetricOfWaveform(t *testing.T) {
	h, _ := furnished(t)
	token, _ := h.Token("viewer")
	for code, rate := range map[string]string{"131330^MDC_ECG_ELEC_POTL_II^MDC": "250", "131329^MDC_ECG_ELEC_POTL_I^MDC": "300"} {
		h.Send("ORU^R01^ORU_R01", "PID|1||MRN-885523^^^HOSP^MR\rOBR|1||||||"+time.Now().UTC().Format("20060102150405.000")+"+0000\r"+
			"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON-11^^MON-11^EUI-64\r"+
			"OBX|2|NA|"+code+"|1.1.1.1|0.1^0.2^0.3^0.4|266418^MDC_DIM_MILLI_VOLT^MDC|||||F\r"+
			"OBX|3|NM|67981^MDC_ATTR_SAMP_RATE^MDC|1.1.1.1.1|"+rate+"|264608^MDC_DIM_PER_SEC^MDC|||||F")
	}
	var found service.List[service.DeviceRow]
	h.Until("the device is known", func() bool {
		h.Call("device.list", service.DeviceAsk{Text: "MON-11"}, &found)
		return len(found.Rows) == 1
	})
	path := "/fhir/DeviceMetric?source=Device/" + string(found.Rows[0].ID)
	h.Until("both are recorded", func() bool { return len(entries(get(t, h, token, path), "match")) == 2 })
	for code, want := range map[string]string{"131330": "map[frequency:250 period:1 periodUnit:s]", "131329": "map[frequency:1 period:0.003333333 periodUnit:s]"} {
		one := entries(get(t, h, token, path+"&type="+code), "match")
		if len(one) != 1 || text(one[0], "unit", "coding", 0, "code") != "mV" || fmt.Sprint(at(one[0], "measurementPeriod", "repeat")) != want {
			t.Fatalf("%s: %v", code, one)
		}
		if again := get(t, h, token, "/fhir/DeviceMetric/"+text(one[0], "id")); text(again.tree, "id") != text(one[0], "id") {
			t.Errorf("%s", again.body)
		}
	}
}

// What says the same has the same version; who has it is told so.
func TestConditionalRead(t *testing.T) {
	h, id := furnished(t)
	token, _ := h.Token("viewer")
	bed := text(get(t, h, token, "/fhir/Device/"+id).tree, "location", "reference")
	for _, path := range []string{"/fhir/" + bed, "/fhir/Device/" + id + "?_elements=manufacturer"} {
		first := get(t, h, token, path)
		tag := first.head.Get("ETag")
		if tag != `W/"`+text(first.tree, "meta", "versionId")+`"` {
			t.Errorf("%s: ETag %q, meta %v", path, tag, first.tree["meta"])
		}
		for header, value := range map[string]string{"If-None-Match": `"x", ` + tag, "If-Modified-Since": first.head.Get("Last-Modified")} {
			if value == "" {
				continue
			}
			if a := ask(t, h, token, "GET", path, "", header, value); a.status != 304 || len(a.body) > 0 || a.head.Get("ETag") != tag {
				t.Errorf("%s %s: %d %s", path, header, a.status, a.body)
			}
		}
		head := ask(t, h, token, "HEAD", path, "")
		if head.status != 200 || len(head.body) > 0 || head.head.Get("ETag") != tag {
			t.Errorf("HEAD: %d %d bytes", head.status, len(head.body))
		}
		if a := ask(t, h, token, "GET", path, "", "If-None-Match", `W/"0"`, "If-Modified-Since", first.head.Get("Last-Modified")); a.status != 200 {
			t.Errorf("another version: %d", a.status)
		}
	}
	h.Call("fact.set", service.FactSay{Subject: fact.Of(fact.OfDevice, id), Name: "owner", Value: "Theatre"}, nil)
	before := get(t, h, token, "/fhir/Device/"+id+"?_elements=owner")
	h.Call("fact.set", service.FactSay{Subject: fact.Of(fact.OfDevice, id), Name: "owner", Value: "Recovery"}, nil)
	after := get(t, h, token, "/fhir/Device/"+id+"?_elements=owner", "If-None-Match", before.head.Get("ETag"))
	if text(after.tree, "owner", "display") != "Recovery" || text(after.tree, "meta", "lastUpdated") <= text(before.tree, "meta", "lastUpdated") {
		t.Errorf("%s\n%s", before.body, after.body)
	}
	if text(after.tree, "meta", "tag", 0, "code") != "SUBSETTED" || after.tree["manufacturer"] != nil {
		t.Errorf("a part: %s", after.body)
	}
}

// The history is what was believed, change by change.
func TestHistory(t *testing.T) {
	h, id := furnished(t)
	token, _ := h.Token("viewer")
	h.Call("fact.set", service.FactSay{Subject: fact.Of(fact.OfDevice, id), Name: "owner", Value: "Theatre"}, nil)
	a := get(t, h, token, "/fhir/Device/"+id+"/_history")
	versions := entries(a, "")
	if len(versions) < 10 || text(versions[0], "owner", "display") != "Theatre" || text(versions[1], "owner", "display") != "Intensive care" {
		t.Fatalf("%d versions: %.1500s", len(versions), a.body)
	}
	if first := versions[len(versions)-1]; first["owner"] != nil || first["status"] != "unknown" {
		t.Errorf("the first: %v", first)
	}
	for i := 1; i < len(versions); i++ {
		if text(versions[i-1], "meta", "lastUpdated") <= text(versions[i], "meta", "lastUpdated") {
			t.Error("not the newest first")
		}
	}
	old := get(t, h, token, "/fhir/Device/"+id+"/_history/"+text(versions[1], "meta", "versionId"))
	if text(old.tree, "owner", "display") != "Intensive care" {
		t.Errorf("%s", old.body)
	}
	now := get(t, h, token, "/fhir/Device/"+id)
	if same := get(t, h, token, "/fhir/Device/"+id+"/_history/"+text(now.tree, "meta", "versionId")); same.status != 200 {
		t.Errorf("%s", same.body)
	}
	if a := ask(t, h, token, "GET", "/fhir/Device/"+id+"/_history/0", ""); a.status != 404 {
		t.Errorf("%d", a.status)
	}
	if got := get(t, h, token, "/fhir/Device/"+id+"/_history?_count=3"); len(entries(got, "")) != 3 {
		t.Errorf("%s", got.body)
	}
}
