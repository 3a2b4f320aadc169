package care

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Event is one whole day of a calendar.
type Event struct {
	UID      string // the same each time, so that readers move it instead of adding another
	On       Day
	Title    string
	Text     string
	Place    string
	Category string
}

// Calendar writes events as RFC 5545 has them: lines end with CR LF (§3.1) and
// are folded at 75 octets between characters, texts are escaped (§3.3.11), days
// are DATE values (§3.3.4). at is when it was written (DTSTAMP, §3.8.7.2).
func Calendar(name, product string, events []Event, at time.Time) string {
	var b strings.Builder
	line(&b, "BEGIN:VCALENDAR")
	line(&b, "VERSION:2.0")
	line(&b, "PRODID:"+escape(product))
	line(&b, "CALSCALE:GREGORIAN")
	line(&b, "METHOD:PUBLISH")
	line(&b, "X-WR-CALNAME:"+escape(name))
	line(&b, "REFRESH-INTERVAL;VALUE=DURATION:PT1H") // RFC 7986 §5.7
	for _, e := range events {
		if !e.On.valid() || e.On == "" {
			continue
		}
		line(&b, "BEGIN:VEVENT")
		line(&b, "UID:"+escape(e.UID))
		line(&b, "DTSTAMP:"+at.UTC().Format("20060102T150405Z"))
		line(&b, "DTSTART;VALUE=DATE:"+strings.ReplaceAll(string(e.On), "-", ""))
		line(&b, "SUMMARY:"+escape(e.Title))
		for _, f := range []struct{ name, text string }{{"DESCRIPTION", e.Text}, {"LOCATION", e.Place}, {"CATEGORIES", e.Category}} {
			if f.text != "" {
				line(&b, f.name+":"+escape(f.text))
			}
		}
		line(&b, "TRANSP:TRANSPARENT") // it takes nobody's time away
		line(&b, "END:VEVENT")
	}
	line(&b, "END:VCALENDAR")
	return b.String()
}

// escape writes a text value, RFC 5545 §3.3.11. Control characters that no text
// may hold are left out.
func escape(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(s)
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' || r == 0x7F {
			return -1
		}
		return r
	}, s)
}

// line writes one content line, folded so that no line has more than 75
// octets, and no character is cut, RFC 5545 §3.1.
func line(b *strings.Builder, s string) {
	for most := 75; len(s) > most; most = 74 { // the blank at the beginning counts
		cut := most
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		b.WriteString(s[:cut])
		b.WriteString("\r\n ")
		s = s[cut:]
	}
	b.WriteString(s)
	b.WriteString("\r\n")
}
