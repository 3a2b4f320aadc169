package state

import (
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/alert"
	"thalamus/internal/model"
)

var noon = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

const dayLong = 24 * time.Hour

// speaking is a device that says something every second and is as it should
// be.
func speaking(change func(d *Device)) Device {
	d := Device{Heard: Heard{First: ago(time.Hour), Last: ago(time.Second), Messages: 3600}, Adopted: true}
	if change != nil {
		change(&d)
	}
	return d
}

// TestStates: each rule with what is just within and just beyond it.
func TestStates(t *testing.T) {
	for name, c := range map[string]struct {
		change func(d *Device)
		want   string // kinds with their grades
	}{
		"well":                    {nil, "online good"},
		"never heard":             {func(d *Device) { d.First, d.Last, d.Messages = time.Time{}, time.Time{}, 0 }, "unheard info"},
		"a pause":                 {func(d *Device) { d.Last = ago(30 * time.Second) }, "online good"},
		"late":                    {func(d *Device) { d.Last = ago(31 * time.Second) }, "late warn"},
		"silent":                  {func(d *Device) { d.Last = ago(2*time.Minute + time.Second) }, "silent bad"},
		"hourly, two hours ago":   {func(d *Device) { d.First, d.Last, d.Messages = ago(102*time.Hour), ago(2*time.Hour), 101 }, "online good"},
		"hourly, six hours ago":   {func(d *Device) { d.First, d.Last, d.Messages = ago(106*time.Hour), ago(6*time.Hour), 101 }, "late warn"},
		"hourly, a day ago":       {func(d *Device) { d.First, d.Last, d.Messages = ago(124*time.Hour), ago(24*time.Hour), 101 }, "silent bad"},
		"two messages, no rhythm": {func(d *Device) { d.First, d.Last, d.Messages = ago(2*time.Minute), ago(time.Minute), 2 }, "late warn"},
		"said goodbye":            {func(d *Device) { d.Down, d.Polite = true, true }, "offline info"},
		"said goodbye, late":      {func(d *Device) { d.Down, d.Polite, d.Last = true, true, ago(31*time.Second) }, "late warn"},
		"said goodbye, silent":    {func(d *Device) { d.Down, d.Polite, d.Last = true, true, ago(time.Hour) }, "silent bad"},
		"lost":                    {func(d *Device) { d.Down = true }, "offline warn"},
		"lost and silent since":   {func(d *Device) { d.Down, d.Last = true, ago(time.Hour) }, "offline bad"},
		"stored and lost":         {func(d *Device) { d.Down, d.Last, d.Life = true, ago(time.Hour), "stored" }, "offline info"},
		"connected, never heard":  {func(d *Device) { d.Heard = Heard{Down: true} }, "unheard info"},
		"stored and silent":       {func(d *Device) { d.Last, d.Life = ago(dayLong), "stored" }, "silent info"},
		"nobody's":                {func(d *Device) { d.Adopted = false }, "online good, not-adopted warn"},
		"lost and speaking":       {func(d *Device) { d.Life = "lost" }, "online good, gone bad"},
		"lost and silent":         {func(d *Device) { d.Life, d.Last, d.Adopted = "lost", ago(dayLong), false }, "silent info"},
		"blocked":                 {func(d *Device) { d.BlockedSince = ago(time.Hour) }, "online good, blocked warn"},
		"blocked for a time":      {func(d *Device) { d.BlockedSince, d.BlockedUntil = ago(time.Hour), ago(-time.Second) }, "online good, blocked warn"},
		"its block has ended":     {func(d *Device) { d.BlockedSince, d.BlockedUntil = ago(time.Hour), ago(time.Second) }, "online good"},
		"with a patient":          {func(d *Device) { d.PatientSince = ago(time.Hour) }, "online good, in-use info"},
		"clock within":            {func(d *Device) { d.ClockOffset, d.ClockBound = -2*time.Second, 2*time.Second }, "online good"},
		"clock behind":            {func(d *Device) { d.ClockOffset, d.ClockBound = -3*time.Second, 2*time.Second }, "online good, clock-off warn"},
		"clock corrected":         {func(d *Device) { d.ClockOffset, d.ClockBound, d.Corrected = time.Hour, time.Second, true }, "online good"},
		"software changed":        {func(d *Device) { d.Release = Turn{"1", "2", ago(time.Hour)} }, "online good, changed warn"},
		"software confirmed":      {func(d *Device) { d.Release, d.ReleaseSaid = Turn{"1", "2", ago(time.Hour)}, "2" }, "online good"},
		"outside of the range":    {func(d *Device) { d.Outside = ago(time.Hour) }, "online good, outside-range warn"},
		"moved":                   {func(d *Device) { d.Place, d.PlaceSaid = Turn{Now: "ER^1", At: ago(time.Hour)}, "ICU^2" }, "online good, moved warn"},
		"place not said":          {func(d *Device) { d.Place = Turn{Now: "ER^1"} }, "online good"},
		"lent":                    {func(d *Device) { d.Life, d.ReturnBy = "lent", noon.Add(time.Second) }, "online good"},
		"lent and not back":       {func(d *Device) { d.Life, d.ReturnBy = "lent", noon }, "online good, overdue warn"},
		"maintenance far":         {func(d *Device) { d.MaintenanceOn = noon.Add(15 * dayLong) }, "online good"},
		"maintenance near":        {func(d *Device) { d.MaintenanceOn = noon.Add(14 * dayLong) }, "online good, due warn"},
		"maintenance late":        {func(d *Device) { d.MaintenanceOn = noon }, "online good, due bad"},
		"support far":             {func(d *Device) { d.SupportEnds = noon.Add(181 * dayLong) }, "online good"},
		"support ending":          {func(d *Device) { d.SupportEnds = noon.Add(180 * dayLong) }, "online good, ending warn"},
		"support ended":           {func(d *Device) { d.SupportEnds = noon }, "online good, ended bad"},
		"said to be unsupported":  {func(d *Device) { d.SupportEnded = true }, "online good, ended bad"},
		"accepted":                {func(d *Device) { d.AcceptanceWanted, d.Accepted = true, true }, "online good"},
		"not accepted":            {func(d *Device) { d.AcceptanceWanted = true }, "online good, not-accepted bad"},
		"acceptance has run out":  {func(d *Device) { d.AcceptanceWanted, d.Accepted, d.AcceptedUntil = true, true, noon }, "online good, not-accepted bad"},
		"the weightiest come first": {func(d *Device) {
			d.PatientSince, d.Place, d.PlaceSaid, d.SupportEnded = ago(1), Turn{Now: "a"}, "b", true
		}, "online good, ended bad, moved warn, in-use info"},
	} {
		var got []string
		for _, s := range Of(speaking(c.change), noon) {
			got = append(got, string(s.Kind)+" "+string(s.Grade))
			if !slices.Contains(Kinds(), s.Kind) {
				t.Errorf("%s: kind %s is not listed", name, s.Kind)
			}
		}
		if g := strings.Join(got, ", "); g != c.want {
			t.Errorf("%s: got %s, want %s", name, g, c.want)
		}
	}
}

// TestWhy: since when, and by what.
func TestWhy(t *testing.T) {
	silent := Of(speaking(func(d *Device) { d.Last = ago(time.Hour) }), noon)[0]
	if silent.Since != ago(time.Hour).Add(time.Duration(silent.Why.Bound)) || time.Duration(silent.Why.Bound) != alert.SilentFloor || silent.Why.Last != ago(time.Hour) {
		t.Errorf("%+v", silent)
	}
	lost := Of(speaking(func(d *Device) {
		d.Down, d.Contact = true, &model.Contact{Down: true, Since: ago(time.Minute), Losses: 4, Ending: model.Ending{How: model.EndWill, Topic: "dev/7/state"}}
	}), noon)[0]
	if lost.Since != ago(time.Minute) || lost.Why.How != model.EndWill || lost.Why.Topic != "dev/7/state" || lost.Why.Losses != 4 || lost.Why.Last != ago(time.Second) {
		t.Errorf("%+v", lost)
	}
	due := Of(speaking(func(d *Device) { d.MaintenanceOn, d.MaintenanceOf = noon, "yearly" }), noon)[1]
	if due.Why.On != noon || due.Why.Of != "yearly" || due.Since != ago(14*dayLong) {
		t.Errorf("%+v", due)
	}
	if g := Worst(Of(speaking(nil), noon)); g != Good {
		t.Error(g)
	}
	if g := Worst([]State{{Grade: Warn}, {Grade: Bad}, {Grade: Info}}); g != Bad {
		t.Error(g)
	}
}

func BenchmarkOf(b *testing.B) {
	d := speaking(func(d *Device) { d.PatientSince, d.Release = ago(1), Turn{"1", "2", noon} })
	b.ReportAllocs()
	for b.Loop() {
		Of(d, noon)
	}
}
