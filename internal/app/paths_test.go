package app_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/sim"
)

// twoPaths is a ward whose monitors send to us and to their central station,
// which sends to us too.
type twoPaths struct {
	*apptest.House
	t     *testing.T
	links map[string]*sim.Link
	sent  int
}

func newTwoPaths(t *testing.T) *twoPaths {
	h := &twoPaths{House: apptest.Start(t), t: t, links: map[string]*sim.Link{}}
	text := strings.Replace(h.Ward(), "destinations:", `  - {id: station, driver: mllp, codec: hl7v2, settings: {listen: "127.0.0.1:0"}}
destinations:
  - {id: lake, kind: file, settings: {folder: "`+h.Out+`/lake"}}`, 1) + "  - {id: stations, channels: [station], destinations: [lake]}\n"
	if err := os.Mkdir(filepath.Join(h.Out, "lake"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.Call("config.apply", service.ConfigText{Name: "ward.yaml", Text: text, Reason: "test"}, nil)
	t.Cleanup(func() {
		for _, l := range h.links {
			l.Close()
		}
	})
	return h
}

// over sends a message over a channel and gives it as it was recorded.
func (h *twoPaths) over(channel, sender, segments string) service.MessagePage {
	h.t.Helper()
	address := h.App.ChannelAddress(model.ChannelID(channel))
	if l := h.links[channel]; l == nil || l.Address != address {
		h.links[channel] = &sim.Link{Address: address, Ledger: sim.NewLedger()}
	}
	h.sent++
	id := fmt.Sprintf("%s-%04d", sender, h.sent)
	text := "MSH|^~\\&|" + sender + "|HOUSE|||" + time.Now().UTC().Format("20060102150405.000") + "+0000||ORU^R01^ORU_R01|" + id + "|P|2.6|||NE|AL||UNICODE UTF-8\r" + segments
	ctx, cancel := context.WithTimeout(h.t.Context(), 60*time.Second)
	defer cancel()
	if err := h.links[channel].Send(ctx, sim.Message{ControlID: id, Stream: channel, Bytes: []byte(text)}); err != nil {
		h.t.Fatal(err)
	}
	return h.page(h.Recorded())
}

func (h *twoPaths) page(seq model.Seq) (page service.MessagePage) {
	h.t.Helper()
	h.Call("message.get", service.Ref{Seq: seq}, &page)
	return page
}

const (
	monitorEUI = "0003B1FFFE00AB01"
	person     = "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda||19470603|F\r"
)

// direct is what the monitor itself sends: fractions of seconds, MDC, mmHg.
func direct(at time.Time, rate, temperature string) string {
	stamp := at.Format("20060102150405.000") + "+0000"
	eui := monitorEUI + "^^" + monitorEUI + "^EUI-64"
	return person + "OBR|1|||182777000^monitoring of patient^SCT|||" + stamp + "\r" +
		"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||" + eui + "\r" +
		"OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|" + rate + "|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||" + stamp + "|||||" + eui + "\r" +
		"OBX|3|NM|150344^MDC_TEMP^MDC|1.1.1.2|" + temperature + "|268192^MDC_DIM_DEGC^MDC|||||F|||" + stamp + "|||||" + eui + "\r"
}

// central is what the station makes of it: another order, LOINC, whole
// seconds, degrees Fahrenheit.
func central(at time.Time, rate, fahrenheit, more string) string {
	stamp := at.Truncate(time.Second).Format("20060102150405") + "+0000"
	eui := monitorEUI + "^^" + monitorEUI + "^EUI-64"
	return person + "PV1|1|I|ICU^2^23\rOBR|1|||X^Vitals^L|||" + stamp + "\r" +
		"OBX|1|NM|8310-5^Body temperature^LN||" + fahrenheit + "|[degF]^^UCUM|||||F|||" + stamp + "||||" + eui + "\r" +
		"OBX|2|NM|8867-4^Heart rate^LN||" + rate + "|{beats}/min^^UCUM|||||F|||" + stamp + "||||" + eui + "\r" + more
}

// R18: the same measurements over the monitor's own line and its central
// station, whose messages look quite different, count once, are linked both
// ways and go out once; what differs is told, never dropped; and a restart in
// the middle changes nothing.
func TestTwoPaths(t *testing.T) {
	h := newTwoPaths(t)
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Minute).Add(640 * time.Millisecond)
	first := h.over("ward", "MON7", direct(at, "72", "37.0"))
	if n := first.Message.Repeated(); n != 0 || len(first.Message.Observations) != 2 {
		t.Fatalf("%d of %d", n, len(first.Message.Observations))
	}

	h.Again() // what is known of the last messages outlives the process
	second := h.over("station", "CENTRAL", central(at, "72", "98.6", ""))
	m := second.Message
	for i := range m.Observations {
		if m.Observations[i].Same != first.Ref {
			t.Errorf("%s is not the same as in the first message: %+v", m.Observations[i].Code.Name, m.Observations[i])
		}
	}
	// The archive got it from the monitor; the lake only knows the station.
	for _, d := range m.Routed {
		if d.Destination == "archive" && d.Refused != model.RefusedDuplicate || d.Destination == "lake" && (d.Refused != "" || d.OnlyNew) {
			t.Errorf("%+v", d)
		}
	}
	if !slices.Equal(second.Firsts, []model.MessageRef{first.Ref}) || !slices.Equal(h.page(first.Ref.Seq).Repeats, []model.MessageRef{second.Ref}) {
		t.Errorf("linked to %v, and back by %v", second.Firsts, h.page(first.Ref.Seq).Repeats)
	}

	// One value more, of the station's own: that alone is new to the archive.
	at = at.Add(2 * time.Second)
	h.over("ward", "MON7", direct(at, "73", "37.0"))
	stamp := at.Format("20060102150405") + "+0000"
	third := h.over("station", "CENTRAL", central(at, "73", "98.6", "OBX|3|NM|59408-5^SpO2^LN||97|%^^UCUM|||||F|||"+stamp+"||||"+monitorEUI+"^^"+monitorEUI+"^EUI-64\r")).Message
	if third.Repeated() != 2 || third.Observations[2].Same != (model.MessageRef{}) || third.Duplicate != (model.MessageRef{}) {
		t.Errorf("%d of %d are repeats", third.Repeated(), len(third.Observations))
	}
	for _, d := range third.Routed {
		if d.Refused != "" || d.OnlyNew != (d.Destination == "archive") {
			t.Errorf("%+v", d)
		}
	}

	// Another value of the same instant, and a correction: both count.
	at = at.Truncate(time.Second).Add(3 * time.Second)
	before := h.over("ward", "MON7", direct(at, "74", "37.0"))
	fourth := h.over("station", "CENTRAL", central(at, "79", "98.6", "")).Message
	if fourth.Repeated() != 1 || !slices.ContainsFunc(fourth.Issues, func(i model.Issue) bool {
		text, _ := before.Ref.MarshalText()
		return i.Code == "record.conflict" && i.Field == "OBX[2]" && strings.Contains(i.Text, string(text))
	}) {
		t.Errorf("%d repeats, issues %+v", fourth.Repeated(), fourth.Issues)
	}
	corrected := strings.ReplaceAll(direct(at, "75", "37.0"), "|||||F|", "|||||C|")
	if c := h.over("ward", "MON7", corrected).Message; c.Repeated() != 0 {
		t.Errorf("a correction is taken for a repeat: %+v", c.Observations)
	}
	if c := h.over("station", "CENTRAL", strings.ReplaceAll(central(at, "75", "98.6", ""), "|||||F|", "|||||C|")).Message; c.Repeated() != 2 || c.Duplicate != (model.MessageRef{}) && len(c.Routed) == 0 {
		t.Errorf("the same correction again is none: %+v", c.Observations)
	}

	var trend []record.Trend
	h.Call("trend.get", service.TrendAsk{Device: m.Devices[0].ID, Code: "MDC_ECG_HEART_RATE"}, &trend)
	points := 0
	for _, one := range trend {
		points += len(one.Points)
	}
	if points != 3 { // 72, 73, and what was corrected to 75
		t.Errorf("%d points: %+v", points, trend)
	}
	var o service.Overview
	h.Call("overview.get", nil, &o)
	for _, c := range o.Channels {
		if c.ID == "station" && (c.Repeated != 7 || c.Observations != 2) || c.ID == "ward" && (c.Repeated != 0 || c.Observations != 8) {
			t.Errorf("%s: %d observations, %d repeated, %d duplicates", c.ID, c.Observations, c.Repeated, c.Duplicates)
		}
	}
	h.delivered()
}

// delivered looks at what went out: the archive knows each value once.
func (h *twoPaths) delivered() {
	h.t.Helper()
	var all string
	h.Until("everything is delivered", func() bool {
		var rows []service.DestinationRow
		h.Call("destination.list", nil, &rows)
		return !slices.ContainsFunc(rows, func(r service.DestinationRow) bool { return r.Queued > 0 })
	})
	files, err := filepath.Glob(filepath.Join(h.Out, "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil {
			all += string(text)
		}
	}
	if n := strings.Count(all, `"number":"72"`) + strings.Count(all, `"number":72`); n != 1 {
		h.t.Errorf("72 went to the archive %d times: %s", n, all)
	}
}
