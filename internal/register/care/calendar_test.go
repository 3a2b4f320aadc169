package care

import (
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"thalamus/internal/peertest"
)

var hard = []Event{
	{UID: "due/safety/dev-1@thalamus", On: "2026-05-03", Title: "Electrical safety: Monitor 7; bed 2, ICU", Text: "Device dev-1\nSerial number A\\7", Place: "ICU^2^23", Category: "electrical-safety"},
	{UID: "due/kalib/dev-2@thalamus", On: "2028-02-29", Title: "Kalibrierung: Überwachungsgerät für die Säuglings-Intensivstation, Prüfgröße Δp ≤ 5 mm[Hg] 🫁", Category: "calibration"},
	{UID: "loan/dev-3@thalamus", On: "2026-12-31", Title: "BEGIN:VEVENT\r\nSUMMARY:not an event\x00\x07"},
	{UID: "no day"},
}

// TestCalendarGolden: as written before, byte by byte.
func TestCalendarGolden(t *testing.T) {
	got := Calendar("Maintenance, ICU", "-//Thalamus//Maintenance//EN", hard, time.Date(2026, 5, 1, 6, 0, 0, 0, time.UTC))
	const file = "testdata/calendar.ics"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if events := read(t, got); len(events) != 3 || events[1]["SUMMARY"] != hard[1].Title || events[0]["DESCRIPTION"] != hard[0].Text || events[2]["SUMMARY"] != "BEGIN:VEVENT\nSUMMARY:not an event" {
		t.Errorf("read back %q", events)
	}
}

// read reads a calendar as strictly as RFC 5545 §3.1 writes it, and gives the
// properties of its events with texts unescaped.
func read(t *testing.T, text string) (events []map[string]string) {
	t.Helper()
	if !strings.HasSuffix(text, "\r\n") || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n") || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\r") {
		t.Fatal("lines do not all end with CR LF")
	}
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if len(l) > 75 || !utf8.ValidString(l) || l == "" {
			t.Fatalf("a line of %d octets, or a character cut: %q", len(l), l)
		}
	}
	unescape := strings.NewReplacer(`\\`, `\`, `\;`, ";", `\,`, ",", `\n`, "\n")
	var one map[string]string
	for l := range strings.SplitSeq(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n ", ""), "\r\n"), "\r\n") {
		name, value, ok := strings.Cut(l, ":")
		name, _, _ = strings.Cut(name, ";")
		switch {
		case !ok:
			t.Fatalf("no property: %q", l)
		case l == "BEGIN:VEVENT":
			one = map[string]string{}
		case l == "END:VEVENT":
			for _, needed := range []string{"UID", "DTSTAMP", "DTSTART", "SUMMARY"} { // §3.6.1
				if one[needed] == "" {
					t.Fatalf("an event without %s", needed)
				}
			}
			events = append(events, one)
			one = nil
		case one != nil:
			one[name] = unescape.Replace(value)
		}
	}
	return events
}

// TestCalendarHolds: whatever the texts, the lines are as RFC 5545 wants them
// and read back as they were.
func TestCalendarHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(5545, 1))
	letters := []rune("aZ ;,:\\\n\"äß€🫁漢^0")
	for range 2000 {
		var b strings.Builder
		for range 1 + r.IntN(200) {
			b.WriteRune(letters[r.IntN(len(letters))])
		}
		title := b.String()
		events := read(t, Calendar("n", "p", []Event{{UID: "u", On: "2026-05-03", Title: title}}, time.Unix(0, 0)))
		if len(events) != 1 || events[0]["SUMMARY"] != title {
			t.Fatalf("%q became %q", title, events)
		}
	}
}

// FuzzCalendar: no text breaks out of its property.
func FuzzCalendar(f *testing.F) {
	for _, e := range hard {
		f.Add(e.Title, e.Text, e.UID)
	}
	f.Add("\xff\r", "\x7f", "a\nEND:VEVENT")
	f.Fuzz(func(t *testing.T, title, text, uid string) {
		if title == "" || escape(title) == "" || escape(uid) == "" {
			return
		}
		got := Calendar("n", "p", []Event{{UID: uid, On: "2026-05-03", Title: title, Text: text}}, time.Unix(0, 0))
		if events := read(t, got); len(events) != 1 || len(events[0]) > 7 {
			t.Fatalf("%q", got)
		}
	})
}

// TestCalendarForeign: another reader understands the same (ical.js).
func TestCalendarForeign(t *testing.T) {
	text := Calendar("Maintenance", "-//Thalamus//Maintenance//EN", hard, time.Unix(0, 0))
	said := peertest.Run(t, "calendar.mjs", "ical.js", map[string]string{"text": text})
	want := []peertest.Said{
		{"uid": hard[0].UID, "start": "2026-05-03", "summary": hard[0].Title, "text": hard[0].Text},
		{"uid": hard[1].UID, "start": "2028-02-29", "summary": hard[1].Title, "text": ""},
		{"uid": hard[2].UID, "start": "2026-12-31", "summary": "BEGIN:VEVENT\nSUMMARY:not an event", "text": ""},
	}
	if !reflect.DeepEqual(said, want) {
		t.Errorf("got %v\nwant %v", said, want)
	}
}
