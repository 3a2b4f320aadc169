package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app"
	"thalamus/internal/app/apptest"
	"thalamus/internal/conf"
	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/sim"
	"thalamus/profiles"
)

// dayFrames is a day of mixed traffic, midnight in its middle: admissions,
// transfers and discharges, monitors over two paths, pumps with alarms,
// messages sent again, corrections, what shipped profiles are for, what nobody
// can read, and clocks that are off.
func dayFrames(t *testing.T) []model.Frame {
	r := rand.New(rand.NewPCG(3, 14))
	var all []model.Frame
	add := func(channel string, at time.Time, raw []byte) {
		all = append(all, model.Frame{Channel: model.ChannelID(channel), Codec: "hl7v2", Peer: "192.0.2.7:4711", Arrived: at, Bytes: bytes.Clone(raw)})
	}
	beds, terms := sim.Beds("DAY", 3), sim.NewTerms()
	adt := sim.NewADT(beds, "D")
	var monitors []*sim.Monitor
	var pumps []*sim.Pump
	for i, b := range beds {
		monitors = append(monitors, sim.NewMonitor(b, terms, "D", uint64(i)))
		pumps = append(pumps, sim.NewPump(b, terms, "D", uint64(10+i)))
	}
	shipped, err := profiles.All()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 1, 30, 12, 0, 0, 0, time.UTC)
	for step := range 240 {
		now := begin.Add(time.Duration(step)*6*time.Minute + time.Duration(r.IntN(1000))*time.Millisecond)
		later := func(most int) time.Time { return now.Add(time.Duration(100+r.IntN(most)) * time.Millisecond) }
		for _, m := range adt.Next(now) {
			add("ward", later(500), m.Bytes)
		}
		for i, m := range monitors {
			said := now
			if i == 2 && step > 100 && step < 150 {
				said = now.Add(7 * time.Minute) // its clock was set wrong for a while
			}
			raw := m.Message(said).Bytes
			if step%50 == 9 {
				raw = bytes.ReplaceAll(raw, []byte("|||||R|"), []byte("|||||C|"))
			}
			add("ward", later(900), raw)
			if r.IntN(20) == 0 {
				add("ward", later(2000), raw) // sent again
			}
			add("station", later(9000), passedOn(raw))
		}
		for _, p := range pumps {
			for _, m := range p.Next(now) {
				add("ward", later(700), m.Bytes)
			}
		}
		// An alarm each hour: it escalates, ends, and of some a report comes late;
		// of every fifth nobody tells the end.
		id := fmt.Sprintf("al-%d", step/10)
		began := begin.Add(time.Duration(step/10) * time.Hour)
		for _, a := range map[int][]alarm{
			0: {{id: id, phase: "start", state: "active", priority: "PM", text: "SpO2 low"}},
			2: {{id: id + "-2", parent: id, after: 700, phase: "escalate", state: "active", priority: "PH"}},
			4: {{id: id + "-4", parent: id, after: 1500, phase: "end", state: "inactive"}, {id: id + "-3", parent: id, after: 1000, phase: "update", muted: "audio-paused"}},
		}[step%10] {
			if a.phase != "end" || step/10%5 != 0 {
				add("ward", later(600), []byte("MSH|^~\\&|PUMP|H|||"+now.Format("20060102150405")+"+0000||ORU^R40^ORU_R40|"+a.id+"|P|2.6\r"+a.segments(began)))
			}
		}
		switch step % 40 {
		case 7:
			add("ward", later(100), []byte("MSH|^~\\&|LAB|H|||"+now.Format("20060102150405")+"||ORU^R01|L"+fmt.Sprint(step)+"|P|2.4\rPID|||77^^^H^MR||Muster^Eva\rOBR|1|||GLU^Glucose^L\rOBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L|||||F\rOBX|2|ST|ZZZ^what is this^L||n/a"))
		case 21:
			add("ward", later(100), []byte("nobody can read this"))
		case 33:
			p := shipped[step/40*3%len(shipped)]
			for _, c := range p.Cases() {
				add("ward", later(100), c.Input)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b model.Frame) int { return a.Arrived.Compare(b.Arrived) })
	return all
}

var (
	fraction = regexp.MustCompile(`(\|\d{14})\.\d+`)
	header   = regexp.MustCompile(`^(MSH\|\^~\\&\|)[^|]*(\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|)([^|]*)`)
)

// passedOn is what a central station makes of a monitor's message.
func passedOn(raw []byte) []byte {
	out := fraction.ReplaceAll(raw, []byte("$1"))
	return header.ReplaceAll(out, []byte("${1}CENTRAL${2}${3}-C"))
}

// keep appends frames to the journal of a folder whose program is not running.
func keep(t *testing.T, folder string, frames []model.Frame) {
	t.Helper()
	j, err := journal.Open(filepath.Join(folder, "journal"), journal.Options{SegmentSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(frames, 100) {
		if _, err := j.Append(t.Context(), part); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// recordIn starts the program in a folder until everything in its journal is
// recorded, looks, and stops it.
func recordIn(t *testing.T, folder string, batch int, look func(s *service.Service)) {
	t.Helper()
	boot := conf.Default()
	boot.Data, boot.Record.Batch = folder, batch
	boot.Journal.Floor, boot.Journal.Segment = 1, 1<<20
	console, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Start(t.Context(), boot, app.Options{Version: "test", Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Console: console})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			t.Error(err)
		}
	}()
	door := a.Service().OnThisMachine("root")
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		var o service.Overview
		if err := door.Call(t.Context(), "overview.get", nil, &o); err != nil {
			t.Fatal(err)
		}
		if o.Recorded == o.Journal {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("entry %d of %d is recorded", o.Recorded, o.Journal)
		}
	}
	if look != nil {
		look(a.Service())
	}
}

// everything is what a record says, but for when it was recorded.
func everything(t *testing.T, s *service.Service) map[string]string {
	t.Helper()
	ctx, said := t.Context(), map[string]string{}
	put := func(name string, v any, err error) {
		if err != nil {
			t.Fatal(name, err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(name, err)
		}
		said[name] = string(text)
	}
	for m, err := range s.Record.Scan(ctx, record.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		one := *m
		one.Recorded = time.Time{}
		put("message "+fmt.Sprint(m.Ref), one, nil)
		again, err := s.Record.Repeats(ctx, m.Ref)
		put("repeats of "+fmt.Sprint(m.Ref), again, err)
	}
	latest, err := s.Record.Latest(ctx, record.Subject{})
	put("latest", latest, err)
	put("counts", s.Record.Counts(), nil)
	sightings, err := s.Record.Sightings(ctx)
	put("sightings", sightings, err)
	issues, err := s.Record.Issues(ctx, record.IssueQuery{})
	put("issues", issues, err)
	alerts, err := s.Record.Alerts(ctx, record.AlertQuery{Limit: 10_000})
	put("alerts", alerts, err)
	for _, l := range latest {
		// From the beginning: of a clock that is months ahead, a span around its
		// time would leave out the file of the day on which the value arrived.
		q := record.TrendQuery{Subject: l.Subject, Code: l.Code.Key(), Until: l.Time.Add(48 * time.Hour)}
		if q.Code != "" {
			trend, err := s.Record.Trend(ctx, q)
			put(fmt.Sprint("trend ", l.Subject, q.Code), trend, err)
		}
	}
	return said
}

// R12, R18, R23: a day made again from its journal, in a fresh folder, gives
// the same record: every message with who, what and when, what it repeats, what
// was decided and what was not understood; trends, last values, alerts, clocks
// and counts. Batches and restarts in the middle change nothing.
func TestReplayingADayGivesTheSameRecord(t *testing.T) {
	h := apptest.Start(t)
	text := strings.Replace(h.Ward(), "destinations:", "  - {id: station, driver: mllp, codec: hl7v2, settings: {listen: \"127.0.0.1:0\"}}\ndestinations:", 1)
	h.Call("config.apply", service.ConfigText{Name: "ward.yaml", Text: text, Reason: "test"}, nil)
	h.Stop()
	fresh := func() string {
		folder, err := os.MkdirTemp("", "thd")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(folder) })
		folder = filepath.Join(folder, "d")
		if err := os.CopyFS(folder, os.DirFS(h.Folder)); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	day := dayFrames(t)

	var first map[string]string
	one := fresh()
	keep(t, one, day)
	recordIn(t, one, 256, func(s *service.Service) { first = everything(t, s) })
	files, err := filepath.Glob(filepath.Join(one, "record-*.db"))
	if err != nil || len(files) < 2 {
		t.Errorf("%d files of a record over midnight: %v", len(files), err)
	}
	repeated := 0
	for name, text := range first {
		if strings.HasPrefix(name, "message") && strings.Contains(text, `"same":`) {
			repeated++
		}
	}
	if repeated < 600 {
		t.Errorf("only %d messages are known to repeat others", repeated)
	}
	// A day in which little happens would be the same in any way.
	happened := map[string]int{}
	for name, text := range first {
		kind, _, _ := strings.Cut(name, " ")
		happened[kind]++
		for _, part := range []string{`"patient":`, `"duplicate":`, `"alerts":`, `"issues":`, `"waveforms":`, `"routed":`, `"status":"corrected"`} {
			if kind == "message" && strings.Contains(text, part) {
				happened[part]++
			}
		}
	}
	happened["ended"] = strings.Count(first["alerts"], `"stage":"ended"`)
	t.Logf("what happened: %v", happened)
	for what, least := range map[string]int{"message": 2000, "trend": 20, `"patient":`: 1000, `"duplicate":`: 20, `"alerts":`: 90, `"issues":`: 20, `"routed":`: 1000, "ended": 15} {
		if happened[what] < least {
			t.Errorf("%s: %d, expected %d at least", what, happened[what], least)
		}
	}
	for _, list := range []string{"latest", "sightings", "issues", "alerts"} {
		if len(first[list]) < 1000 {
			t.Errorf("%s: %s", list, first[list])
		}
	}

	again := fresh()
	if err := os.RemoveAll(filepath.Join(again, "journal")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(again, "journal"), os.DirFS(filepath.Join(one, "journal"))); err != nil {
		t.Fatal(err)
	}
	recordIn(t, again, 37, func(s *service.Service) { differs(t, "made again", first, everything(t, s)) })

	parts := fresh()
	for part := range slices.Chunk(day, len(day)/4+1) {
		keep(t, parts, part)
		recordIn(t, parts, 100, nil)
	}
	recordIn(t, parts, 100, func(s *service.Service) { differs(t, "in parts", first, everything(t, s)) })
	t.Logf("%d frames, %d repeats, %d things compared", len(day), repeated, len(first))
}

func differs(t *testing.T, how string, want, got map[string]string) {
	t.Helper()
	n := 0
	for name, text := range want {
		if got[name] != text {
			if n++; n <= 3 {
				t.Errorf("%s: %s\n got %s\nwant %s", how, name, got[name], text)
			}
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			n++
		}
	}
	if n > 0 {
		t.Errorf("%s: %d of %d things differ", how, n, len(want))
	}
}
