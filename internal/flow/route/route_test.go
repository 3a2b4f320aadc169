package route

import (
	"reflect"
	"strings"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

var known = []model.DestinationID{"ehr", "lake", "file"}

func monitor() *model.Message {
	return &model.Message{
		Ref: model.MessageRef{Seq: 7}, Channel: "icu", Type: "ORU^R01^ORU_R01",
		Patient: &model.Patient{ID: "p1"},
		Visit:   &model.Visit{Class: "I", Place: model.Place{PointOfCare: "ICU", Room: "2", Bed: "23"}},
		Devices: []model.Device{
			{ID: "d1", Manufacturer: "Acme", Model: "VM-200", Parent: -1},
			{ID: "d1v", Parent: 0},
		},
		Observations: []model.Observation{
			{Code: model.Code{RefID: "MDC_ECG_HEART_RATE", MDC: 147842, LOINC: "8867-4"}},
			{Code: model.Code{RefID: "MDC_PULS_OXIM_SAT_O2", MDC: 150456, LOINC: "59408-5"}},
		},
	}
}

func to(r model.Route) model.Route {
	r.ID, r.Destinations = "r", []model.DestinationID{"ehr"}
	return r
}

func TestFilters(t *testing.T) {
	for _, c := range []struct {
		name  string
		route model.Route
		want  bool
	}{
		{"everything", model.Route{}, true},
		{"channel", model.Route{Channels: []model.ChannelID{"or", "icu"}}, true},
		{"other channel", model.Route{Channels: []model.ChannelID{"or"}}, false},
		{"type", model.Route{Types: []string{"ORU^R01"}}, true},
		{"type alone", model.Route{Types: []string{"ORU"}}, true},
		{"part of a type", model.Route{Types: []string{"OR"}}, false},
		{"trigger is a whole component", model.Route{Types: []string{"ORU^R0"}}, false},
		{"device", model.Route{Devices: []model.DeviceID{"d1"}}, true},
		{"part of a device", model.Route{Devices: []model.DeviceID{"d1v"}}, true},
		{"other device", model.Route{Devices: []model.DeviceID{"d2"}}, false},
		{"model", model.Route{Models: []string{"vm-200"}}, true},
		{"maker and model", model.Route{Models: []string{"ACME/VM-200"}}, true},
		{"other maker", model.Route{Models: []string{"Apex/VM-200"}}, false},
		{"unit", model.Route{Locations: []string{"ICU"}}, true},
		{"room", model.Route{Locations: []string{"ICU^2"}}, true},
		{"bed", model.Route{Locations: []string{"ICU^2^23"}}, true},
		{"bed in any room", model.Route{Locations: []string{"ICU^^23"}}, true},
		{"other bed", model.Route{Locations: []string{"ICU^2^24"}}, false},
		{"part of a unit's name", model.Route{Locations: []string{"IC"}}, false},
		{"refid", model.Route{Codes: []string{"MDC_PULS_OXIM_SAT_O2"}}, true},
		{"term", model.Route{Codes: []string{"150456"}}, true},
		{"term as a key", model.Route{Codes: []string{"mdc:150456"}}, true},
		{"loinc", model.Route{Codes: []string{"x", "8867-4"}}, true},
		{"other code", model.Route{Codes: []string{"MDC_TEMP_BLD"}}, false},
		{"class", model.Route{PatientClass: []string{"E", "i"}}, true},
		{"other class", model.Route{PatientClass: []string{"E"}}, false},
		{"all lists must match", model.Route{Channels: []model.ChannelID{"icu"}, PatientClass: []string{"E"}}, false},
		{"disabled", model.Route{Disabled: true}, false},
	} {
		table, err := Compile([]model.Route{to(c.route)}, known)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := len(table.Decide(monitor(), "")) == 1; got != c.want {
			t.Errorf("%s: matched %v", c.name, got)
		}
	}
}

func TestPlaceOfDeviceAndCodesOfAlertsCount(t *testing.T) {
	table, err := Compile([]model.Route{to(model.Route{Locations: []string{"OR"}, Codes: []string{"MDC_EVT_HI"}})}, known)
	if err != nil {
		t.Fatal(err)
	}
	m := &model.Message{
		Devices: []model.Device{{Place: model.Place{PointOfCare: "OR", Bed: "1"}}},
		Alerts:  []model.Alert{{Code: model.Code{RefID: "MDC_EVT_HI"}}},
	}
	if len(table.Decide(m, "")) != 1 {
		t.Error("the device's place and the alert's code did not match")
	}
}

func TestEachDestinationOnceAndRefusals(t *testing.T) {
	routes := []model.Route{
		{ID: "all", Destinations: []model.DestinationID{"ehr", "lake", "ehr"}},
		{ID: "training", Simulated: true, Destinations: []model.DestinationID{"lake", "file"}},
	}
	table, err := Compile(routes, known)
	if err != nil {
		t.Fatal(err)
	}
	if got := table.Destinations(); !reflect.DeepEqual(got, known) {
		t.Errorf("destinations %v", got)
	}
	decide := func(change func(m *model.Message), waits string) string {
		m := monitor()
		change(m)
		var s []string
		for _, d := range table.Decide(m, waits) {
			s = append(s, string(d.Route)+">"+string(d.Destination)+":"+d.Refused)
		}
		return strings.Join(s, " ")
	}
	simulated := func(m *model.Message) { m.Observations[1].Simulated = true }
	for _, c := range []struct {
		name   string
		change func(*model.Message)
		waits  string
		want   string
	}{
		{"plain", func(*model.Message) {}, "", "all>ehr: all>lake: training>file:"},
		{"simulated value", simulated, "", "all>ehr:simulated training>lake: training>file:"},
		{"simulated waveform", func(m *model.Message) { m.Waveforms = []model.Waveform{{Simulated: true}} }, "", "all>ehr:simulated training>lake: training>file:"},
		{"test message", func(m *model.Message) { m.Test = true }, "", "all>ehr:simulated training>lake: training>file:"},
		{"quarantine", simulated, RefusedQuarantine, "all>ehr:simulated training>lake:quarantine training>file:quarantine"},
		{"not accepted", func(*model.Message) {}, RefusedAcceptance, "all>ehr:acceptance all>lake:acceptance training>file:acceptance"},
		{"duplicate", func(m *model.Message) { m.Duplicate.Seq = 3 }, RefusedQuarantine, "all>ehr:duplicate all>lake:duplicate training>file:duplicate"},
	} {
		if got := decide(c.change, c.waits); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWaits(t *testing.T) {
	adopts, wants, strict := model.Channel{Unknown: "quarantine"}, model.Channel{Accept: model.AcceptRequired}, model.Channel{Accept: model.AcceptStrict}
	only := func(ids ...model.DeviceID) func(model.DeviceID) bool {
		return func(id model.DeviceID) bool { return contains(ids, id) }
	}
	nobody := only()
	for name, c := range map[string]struct {
		channel           model.Channel
		message           *model.Message
		adopted           func(model.DeviceID) bool
		accepted, stopped func(model.DeviceID) bool
		want              string
	}{
		"nobody adopted it":                {adopts, monitor(), nobody, nobody, nobody, RefusedQuarantine},
		"the part of an adopted device":    {adopts, monitor(), only("d1"), nobody, nobody, ""},
		"a channel that accepts everybody": {model.Channel{}, monitor(), nobody, nobody, nobody, ""},
		"no device":                        {adopts, &model.Message{}, nobody, nobody, nobody, ""},
		"not accepted":                     {wants, monitor(), only("d1"), nobody, nobody, RefusedAcceptance},
		"accepted":                         {wants, monitor(), only("d1"), only("d1"), nobody, ""},
		"reopened, and goes on":            {wants, monitor(), only("d1"), only("d1"), only("d1"), ""},
		"reopened, and stops":              {strict, monitor(), only("d1"), only("d1"), only("d1"), RefusedAcceptance},
		"no device to accept":              {strict, &model.Message{}, nobody, nobody, nobody, ""},
		"both asked":                       {model.Channel{Unknown: "quarantine", Accept: model.AcceptRequired}, monitor(), nobody, nobody, nobody, RefusedAcceptance},
	} {
		known := Known{Adopted: c.adopted, Accepted: func(id model.DeviceID, strict bool) bool { return c.accepted(id) && !(strict && c.stopped(id)) }}
		if got := Waits(c.channel, c.message, known); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestFaultsNameRouteAndKey(t *testing.T) {
	_, err := Compile([]model.Route{
		{ID: "a", Destinations: []model.DestinationID{"ehr", "nowhere"}},
		{ID: "a", Destinations: []model.DestinationID{"ehr"}, Locations: []string{"^^"}},
		{Destinations: []model.DestinationID{"ehr"}},
		{ID: "b", Types: []string{" ADT"}, Models: []string{"Acme/"}, Disabled: true},
	}, known)
	for _, want := range []string{
		`route a: destinations[1]: there is no destination "nowhere"`,
		"route a: id: another route",
		"route a: locations[0]: not a location",
		"routes[2]: id: the route has no id",
		"route b: types[0]: an element is empty or has blanks",
		"route b: models[0]: no model",
		"route b: destinations: the route leads nowhere",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in %v", want, err)
		}
	}
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("kind %v", fault.KindOf(err))
	}
	described := map[string]bool{}
	for _, d := range fault.Catalogue() {
		described[d.Code] = true
	}
	for _, part := range err.(interface{ Unwrap() []error }).Unwrap() {
		if !described[fault.CodeOf(part)] {
			t.Errorf("%s is not in the catalogue", fault.CodeOf(part))
		}
	}
}

func ward() *Table {
	var routes []model.Route
	for _, unit := range []string{"OR", "PACU", "NICU", "ED", "CCU", "W1", "W2", "W3"} {
		routes = append(routes, model.Route{
			ID: model.RouteID(unit), Locations: []string{unit}, Codes: []string{"MDC_TEMP_BLD", "8310-5"},
			Models: []string{"Acme/VM-100"}, Types: []string{"ORU^R01"}, Destinations: []model.DestinationID{"ehr"},
		})
	}
	table, err := Compile(routes, known)
	if err != nil {
		panic(err)
	}
	return table
}

func TestNoAllocationWhenNothingMatches(t *testing.T) {
	table, m := ward(), monitor()
	if n := testing.AllocsPerRun(100, func() { table.Decide(m, "") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecideNothing(b *testing.B) {
	table, m := ward(), monitor()
	b.ReportAllocs()
	for b.Loop() {
		table.Decide(m, "")
	}
}

func BenchmarkDecideThree(b *testing.B) {
	table, err := Compile([]model.Route{{ID: "all", Destinations: known}}, known)
	if err != nil {
		b.Fatal(err)
	}
	m := monitor()
	b.ReportAllocs()
	for b.Loop() {
		table.Decide(m, "")
	}
}
