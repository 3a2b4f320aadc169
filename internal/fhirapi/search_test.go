package fhirapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/register"
	"thalamus/internal/service"
)

// Every parameter finds what it should and nothing else.
func TestSearch(t *testing.T) {
	h, id := furnished(t)
	token, _ := h.Token("viewer")
	one := get(t, h, token, "/fhir/Device/"+id).tree
	bed := text(one, "location", "reference")
	ward := ids(get(t, h, token, "/fhir/Location?name:exact=icu&_include=Location:partof"), "match")
	model := text(one, "definition", "reference")
	all := ids(get(t, h, token, "/fhir/Device"), "match")
	if len(all) != 2 || len(ward) == 0 {
		t.Fatal(all, ward)
	}
	me, other := "Device/"+id, ""
	for _, d := range all {
		if d != me {
			other = d
		}
	}
	hosp := text(get(t, h, token, "/fhir/"+text(get(t, h, token, "/fhir/"+text(get(t, h, token, "/fhir/"+bed).tree, "partOf", "reference")).tree, "partOf", "reference")).tree, "partOf", "reference")
	year := time.Now().UTC().Year()
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"_id=" + id, []string{me}}, {"_id=" + id + ",nobody", []string{me}}, {"_id=nobody", nil},
		{"identifier=SN-4711", []string{me}}, {"identifier=urn:id:device:Acme_20Medical:VM-200|SN-4711", []string{me}}, {"identifier=http://other|SN-4711", nil}, {"identifier=|SN-4711", nil},
		{"identifier=A-100,MON-2", []string{me, other}}, {"identifier=urn:id:thalamus-asset|a-100", []string{me}}, {"identifier=urn:id:thalamus-device|" + id, []string{me}}, {"identifier=SN-4711&identifier=A-100", []string{me}}, {"identifier=SN-4711&identifier=MON-2", nil},
		{"udi-di=" + gtin, []string{me}}, {"udi-di=0950600", []string{me}}, {"udi-di:exact=0950600", nil}, {"udi-di:contains=13435", []string{me}},
		{"udi-carrier=" + url.QueryEscape(tag), []string{me}},
		{"manufacturer=acme", []string{me}}, {"manufacturer:contains=medical", []string{me}}, {"manufacturer:exact=Acme", nil}, {"manufacturer:exact=Acme%20Medical", []string{me}}, {"manufacturer=umbrella,acme", []string{me}},
		{"model=vm", []string{me}}, {"device-name=monitor", []string{me}}, {"device-name=vm-2", []string{me}}, {"owner=intensive", []string{me}},
		{"type=69965", []string{me, other}}, {"type=urn:iso:std:iso:11073:10101|69965", []string{me, other}}, {"type=http://loinc.org|69965", []string{me, other}}, {"type=http://other|69965", nil}, {"type=1", nil},
		{"status=active", []string{me}}, {"status=unknown", []string{other}}, {"status:not=active", []string{other}}, {"status=active,unknown", []string{me, other}}, {"status=inactive", nil},
		{"location=" + bed, []string{me}}, {"location:below=" + hosp, []string{me}}, {"location=" + hosp, nil}, {"location=" + url.QueryEscape(h.App.ConsoleURL()+"/fhir/"+bed), []string{me}},
		{"definition=" + model, []string{me}}, {"definition=" + model + "&status=unknown", nil},
		{"_lastUpdated=gt" + fmt.Sprint(year), nil}, {"_lastUpdated=" + fmt.Sprint(year), []string{me, other}}, {"_lastUpdated=ge" + fmt.Sprint(year) + "-01-01&_lastUpdated=lt" + fmt.Sprint(year+1), []string{me, other}}, {"_lastUpdated=lt2000-01-01T00:00:00Z", nil},
		{"_sort=_id", []string{me, other}}, {"_sort=-_lastUpdated", []string{me, other}}, {"owner=", []string{me, other}},
	} {
		a := get(t, h, token, "/fhir/Device?"+c.query)
		got := ids(a, "match")
		if strings.Contains(c.query, "pdated") && len(got) == 2 && got[0] != me {
			t.Errorf("%s: not the last changed first", c.query)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s found %v, not %v", c.query, got, c.want)
		}
		if n := get(t, h, token, "/fhir/Device?_summary=count&"+c.query); at(n.tree, "total") != float64(len(c.want)) || n.tree["entry"] != nil {
			t.Errorf("%s counts %v", c.query, n.tree["total"])
		}
	}
	for _, c := range []struct {
		path, want string
	}{
		{"DeviceDefinition?identifier=" + gtin, model}, {"DeviceDefinition?identifier=http://hl7.org/fhir/NamingSystem/gs1-di|" + gtin, model}, {"DeviceDefinition?type=http://terminology.hl7.org/CodeSystem/GMDN|33586", model}, {"DeviceDefinition?type=Z1203020401", model}, {"DeviceDefinition?manufacturer=acme", model}, {"DeviceDefinition?identifier=4711", ""}, {"DeviceDefinition?_id=" + strings.TrimPrefix(model, "DeviceDefinition/"), model},
		{"Location?identifier=ICU%5E2%5E23%5EHOSP", bed}, {"Location?identifier=urn:id:thalamus-place|ICU%5E2%5E23%5EHOSP", bed}, {"Location?status=inactive", ""}, {"Location?partof=" + text(get(t, h, token, "/fhir/"+bed).tree, "partOf", "reference"), bed},
	} {
		if got := strings.Join(ids(get(t, h, token, "/fhir/"+c.path), "match"), " "); got != c.want {
			t.Errorf("%s found %q, not %q", c.path, got, c.want)
		}
	}
	a := get(t, h, token, "/fhir/Device?_id="+id+"&_include=Device:definition&_include=Device:location&_include:iterate=Location:partof&_revinclude=DeviceMetric:source&_revinclude=Device:parent")
	if got := ids(a, "include"); len(got) != 7 || !slices.Contains(got, model) || !slices.Contains(got, bed) || !slices.Contains(got, hosp) || !slices.Contains(got, "Device/acc-1") {
		t.Errorf("included: %v", got)
	}
	summary := entries(get(t, h, token, "/fhir/Device?_id="+id+"&_summary=true"), "match")[0]
	if summary["udiCarrier"] == nil || summary["manufacturer"] != nil || summary["patient"] != nil {
		t.Errorf("summary: %v", summary)
	}
}

// Pages follow each other, each device once, by both orders.
func TestPages(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	var rows strings.Builder
	rows.WriteString("serial,manufacturer,model,place\n")
	for i := range 57 {
		fmt.Fprintf(&rows, "P-%03d,Acme,Pump %d,ICU^%d^%d\n", i, i%3, i/10, i)
	}
	imported(t, h, rows.String())
	token, _ := h.Token("viewer")
	for _, path := range []string{"Device?_count=10", "Device?_count=10&_sort=-_lastUpdated", "Device?_count=10&manufacturer=acme", "Location?_count=7", "DeviceDefinition?_count=2"} {
		seen := map[string]bool{}
		pages := 0
		for at := "/fhir/" + path; at != ""; pages++ {
			a := get(t, h, token, at)
			for _, one := range ids(a, "match") {
				if seen[one] {
					t.Errorf("%s: %s twice", path, one)
				}
				seen[one] = true
			}
			if at = next(t, a); pages > 40 {
				t.Fatal("no end")
			}
		}
		kind, query, _ := strings.Cut(path, "?")
		total := at(get(t, h, token, "/fhir/"+kind+"?_summary=count&"+query).tree, "total")
		if float64(len(seen)) != total || pages < 2 {
			t.Errorf("%s: %d on %d pages, %v in all", path, len(seen), pages, total)
		}
	}
	if a := get(t, h, token, "/fhir/Device?_count=0"); a.tree["entry"] != nil || at(a.tree, "total") != float64(59) {
		t.Errorf("%s", a.body)
	}
}

// imported brings a list of devices into the register.
func imported(t testing.TB, h *apptest.House, csv string) {
	t.Helper()
	var check service.ImportCheck
	h.Call("device.import", service.ImportAsk{Name: "all.csv", Content: []byte(csv)}, &check)
	h.Call("device.import", service.ImportAsk{Job: check.Job.ID, Begin: true, Digest: check.Digest, Reason: "test"}, &check)
	h.Until("the import is done", func() bool {
		var jobs []register.Job
		h.Call("job.list", nil, &jobs)
		return len(jobs) > 0 && jobs[0].State.Ended()
	})
}
