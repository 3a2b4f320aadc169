package phd

import (
	"encoding/binary"
	"fmt"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

// bcd reads two decimal digits of a byte.
func bcd(b byte) (int, bool) {
	return int(b>>4)*10 + int(b&15), b>>4 < 10 && b&15 < 10
}

// absolute reads an AbsoluteTime (annex A.2.7): century, year, month, day,
// hour, minute, second, hundredths, two digits each. It has no zone; the
// channel's or the site's is taken when the message is normalised. ok is false
// for bytes that are no time, as devices without a set clock send them.
func absolute(b []byte) (ts model.Timestamp, ok bool) {
	if len(b) != 8 {
		return ts, false
	}
	var n [8]int
	for i := range n {
		var digits bool
		if n[i], digits = bcd(b[i]); !digits {
			return ts, false
		}
	}
	year := n[0]*100 + n[1]
	at := time.Date(year, time.Month(n[2]), n[3], n[4], n[5], n[6], 0, time.UTC)
	if year == 0 || at.Year() != year || int(at.Month()) != n[2] || at.Day() != n[3] || at.Hour() != n[4] || at.Minute() != n[5] || at.Second() != n[6] {
		return ts, false
	}
	text := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d", year, n[2], n[3], n[4], n[5], n[6])
	if n[7] != 0 {
		text += fmt.Sprintf(".%02d", n[7])
	}
	return model.Timestamp{Original: text, Format: "iso"}, true
}

// AbsoluteTime writes the local time of t.
func AbsoluteTime(t time.Time) []byte {
	two := func(n int) byte { return byte(n/10<<4 | n%10) }
	return []byte{two(t.Year() / 100), two(t.Year() % 100), two(int(t.Month())), two(t.Day()), two(t.Hour()), two(t.Minute()), two(t.Second()), two(t.Nanosecond() / 10_000_000)}
}

// ntpEpoch is where base offset time begins, in seconds before 1970.
const ntpEpoch = 2208988800

// baseOffset reads a base offset time: seconds since 1900 in UTC, 1/65536
// seconds, and minutes east of UTC of the device's local time.
func baseOffset(b []byte) (ts model.Timestamp, ok bool) {
	if len(b) != 8 {
		return ts, false
	}
	seconds, fraction := int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint16(b[4:]))
	minutes := int(int16(binary.BigEndian.Uint16(b[6:])))
	if seconds == 0 || minutes < -14*60 || minutes > 14*60 {
		return ts, false
	}
	at := time.Unix(seconds-ntpEpoch, fraction*1_000_000_000>>16).In(time.FixedZone("", minutes*60))
	return model.Timestamp{Original: at.Format("2006-01-02T15:04:05.999999Z07:00"), Format: "iso"}, true
}

// BaseOffsetTime writes t.
func BaseOffsetTime(t time.Time) []byte {
	_, offset := t.Zone()
	b := binary.BigEndian.AppendUint32(nil, uint32(t.Unix()+ntpEpoch))
	b = binary.BigEndian.AppendUint16(b, uint16(int64(t.Nanosecond())<<16/1_000_000_000))
	return binary.BigEndian.AppendUint16(b, uint16(int16(offset/60)))
}

// tick of RelativeTime is an eighth of a millisecond (annex A.2.6).
const tick = 125 * time.Microsecond

// relative says when a relative time was, told by the agent's relative time at
// an instant of ours. The counter runs over after six days: the reading nearest
// before then counts.
func relative(stamp, now uint32, then time.Time) model.Timestamp {
	at := then.Add(-time.Duration(now-stamp) * tick)
	if now-stamp > 1<<31 { // stamped after now was read
		at = then.Add(time.Duration(stamp-now) * tick)
	}
	return model.Timestamp{UTC: at.UTC(), Original: fmt.Sprintf("relative %d", stamp), Precision: "fraction", Zone: model.ZoneDevice}
}

// decodeSeconds reads a FLOAT of seconds as a duration of at most a year; 0
// for what is none.
func decodeSeconds(b []byte) time.Duration {
	n := sfloat.Long(binary.BigEndian.Uint32(b))
	f := n.Value.Float64()
	if n.Special != sfloat.Finite || f < 0 || f > 366*86400 {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}
