package sim

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/sim/faults"
)

// ward gives every message of a simulated minute.
func ward(t *testing.T) []Message {
	t.Helper()
	w := NewWard("", nil, "ICU", 3, NewTerms(), "t")
	var all []Message
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for range 60 {
		for _, s := range w.Sources {
			all = append(all, s.Next(at)...)
		}
		at = at.Add(time.Second)
	}
	return all
}

func TestWardSpeaksHL7(t *testing.T) {
	seen := map[string]bool{}
	types := map[string]int{}
	for _, m := range ward(t) {
		if seen[m.ControlID] {
			t.Errorf("control id %s twice", m.ControlID)
		}
		seen[m.ControlID] = true
		p, err := hl7v2.Parse(m.Bytes)
		if err != nil {
			t.Fatalf("%v\n%s", err, m.Bytes)
		}
		if len(p.Issues()) > 0 {
			t.Errorf("%s: %v", m.ControlID, p.Issues())
		}
		if bytes.Contains(m.Bytes, []byte("||^")) || bytes.Contains(m.Bytes, []byte("|NM||")) {
			t.Errorf("a code is missing:\n%s", bytes.ReplaceAll(m.Bytes, []byte("\r"), []byte("\n")))
		}
		if p.Get("MSH-9.2") == "R40" && !strings.Contains(p.Get("OBR-29.2"), "-t-A") {
			t.Errorf("OBR-29 does not name the alert: %q", p.Get("OBR-29.2"))
		}
		types[p.Get("MSH-9.1")+p.Get("MSH-9.2")]++
	}
	for _, want := range []string{"ADTA01", "ADTA08", "ORUR01", "ORUR40"} {
		if types[want] == 0 {
			t.Errorf("no %s in a minute: %v", want, types)
		}
	}
}

func TestLinkAndReceiverCountTheSame(t *testing.T) {
	r, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.LoseAnswers.Store(5)
	ledger := NewLedger()
	link := &Link{Address: r.Address(), Ledger: ledger}
	defer link.Close()
	all := ward(t)
	for _, m := range all {
		if err := link.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	tally := r.Tally(ledger)
	if tally.Lost != 0 || tally.Duplicated != 0 || tally.Disordered != 0 || tally.Arrived != len(all) || tally.Repeated == 0 {
		t.Errorf("%+v of %d", tally, len(all))
	}
}

func TestTallySeesLossAndDisorder(t *testing.T) {
	r, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := ward(t)[3:8]
	ledger := NewLedger()
	for i := range all {
		all[i].Stream = streamOf("S", "PID|||P^^^X")
		ledger.accept(all[i], 0)
	}
	for _, i := range []int{0, 2, 1, 4} {
		r.take("MSH|^~\\&|S|||||||" + all[i].ControlID + "|P|2.6\rPID|||P^^^X\r")
	}
	if tally := r.Tally(ledger); tally.Lost != 1 || tally.Disordered != 1 || tally.Expected != 5 {
		t.Errorf("%+v", tally)
	}
}

func TestFaultsChangeWhatIsSaid(t *testing.T) {
	kind, _ := faults.KindOf("hl7")
	for name, want := range map[string]string{
		faults.SensorOff: "|NM|", faults.NoNumber: "|---|", faults.NaN: "|NaN|", faults.ClockJump: "|19701121", faults.DemoMode: "||DEMO|", faults.ZoneChange: "|20261121070000.000\r",
		faults.SummerNight: "|20261025023000.000\r", faults.WrongUnit: "|266016^MDC_DIM_MMHG^MDC|", faults.NewLabel: "|990001^", faults.OutOfRange: "|999|", faults.WrongPatient: "|WRONG-ICU",
		faults.Truncated: "BHS|", faults.Firmware: "",
	} {
		if !slices.Contains(kind.Content, name) {
			t.Errorf("%s is none of the kind's", name)
		}
		m := NewMonitor(Beds("ICU", 1)[0], NewTerms(), "t", 1).Message(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
		got := Spoil(m, faults.Turn(name)).Bytes
		if !bytes.Contains(got, []byte(want)) || bytes.Equal(got, m.Bytes) != (want == "") {
			t.Errorf("%s: no %q in\n%s", name, want, bytes.ReplaceAll(got, []byte("\r"), []byte("\n")))
		}
	}
	m := withRelease(NewMonitor(Beds("ICU", 1)[0], NewTerms(), "t", 1).Message(time.Now()), "3.0")
	if !bytes.Contains(m.Bytes, []byte("^MDC_ID_PROD_SPEC_SW^MDC|1.0.0.3|3.0|")) {
		t.Errorf("the software is not named:\n%s", m.Bytes)
	}
}

func TestFaultsOfLinksLoseNothing(t *testing.T) {
	kind, _ := faults.KindOf("hl7")
	for _, name := range kind.Links {
		r, err := Listen("127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		ledger := NewLedger()
		link := &Link{Address: r.Address(), Ledger: ledger}
		talker := newTalker(link, faults.Set{name})
		all := ward(t)[:6]
		for _, m := range all {
			if err := talker.say(context.Background(), m); err != nil {
				t.Fatal(name, err)
			}
		}
		link.Close()
		if tally := r.Tally(ledger); tally.Lost != 0 || tally.Arrived != len(all) {
			t.Errorf("%s: %+v", name, tally)
		}
		r.Close()
	}
}

func TestWardOfSomeDevicesAtItsRate(t *testing.T) {
	r, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w := NewWard(r.Address(), nil, "ICU", 1, NewTerms(), "t")
	if err := w.Only([]string{"monitr"}); err == nil {
		t.Error("an unknown kind of device was taken")
	}
	if err := w.Only([]string{KindMonitor}); err != nil || len(w.Sources) != 1 {
		t.Fatal(len(w.Sources), err)
	}
	w.Rate = 100
	ctx, cancel := context.WithCancel(context.Background())
	w.Acknowledged = func(Message) {
		if _, n, _ := w.Ledger.Counts(); n == 20 {
			cancel()
		}
	}
	w.Run(ctx, time.Minute)
	if sent, acknowledged, _ := w.Ledger.Counts(); sent != acknowledged || sent < 20 {
		t.Errorf("%d sent, %d acknowledged", sent, acknowledged)
	}
}

func TestLedgerTellsWhyNobodyAnswered(t *testing.T) {
	w := NewWard("127.0.0.1:1", nil, "ICU", 1, NewTerms(), "t")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	w.Run(ctx, 0)
	if sent, acknowledged, _ := w.Ledger.Counts(); sent == 0 || acknowledged != 0 || w.Ledger.Failure() == nil {
		t.Errorf("%d sent, %d acknowledged, %v", sent, acknowledged, w.Ledger.Failure())
	}
}
