package intellivue

import (
	"encoding/binary"
	"fmt"
	"time"

	"thalamus/internal/model"
)

// absolute reads an AbsoluteTime: century, year, month, day, hour, minute, second
// in two decimal digits each; the eighth byte is not used by monitors. ok is
// false for bytes that are no time, as where all are 0xFF.
func absolute(b []byte) (t time.Time, ok bool) {
	if len(b) != 8 {
		return t, false
	}
	var n [7]int
	for i := range n {
		if b[i]>>4 > 9 || b[i]&15 > 9 {
			return t, false
		}
		n[i] = int(b[i]>>4)*10 + int(b[i]&15)
	}
	year := n[0]*100 + n[1]
	t = time.Date(year, time.Month(n[2]), n[3], n[4], n[5], n[6], 0, time.UTC)
	if year == 0 || t.Year() != year || int(t.Month()) != n[2] || t.Day() != n[3] || t.Hour() != n[4] || t.Minute() != n[5] || t.Second() != n[6] {
		return time.Time{}, false
	}
	return t, true
}

// stamp is a time of the monitor's own clock, which names no zone: the channel's
// or the site's is taken when the message is normalised.
func stamp(t time.Time, fraction bool) model.Timestamp {
	form := "2006-01-02T15:04:05"
	if fraction {
		form = "2006-01-02T15:04:05.000"
	}
	return model.Timestamp{Original: t.Format(form), Format: "iso"}
}

// anchor ties the monitor's relative time, which counts from its start, to its
// wall clock: both stand side by side among the attributes of the system (DEIPG
// "MDS CREATE EVENT").
type anchor struct {
	wall     time.Time
	relative uint32
	known    bool
}

func anchorOf(all []Attribute) (a anchor) {
	rel := find(all, AttrTimeRel)
	wall, ok := absolute(find(all, AttrTimeAbs))
	if !ok || len(rel) != 4 {
		return a
	}
	return anchor{wall: wall, relative: binary.BigEndian.Uint32(rel), known: true}
}

// at is the wall clock at a relative time; the counter runs over after six days.
func (a anchor) at(relative uint32) time.Time {
	return a.wall.Add(time.Duration(int32(relative-a.relative)) * tick)
}

// clockSet is by how much the clock of a reply and the one counted on from the
// anchor may differ, both being cut to seconds, before the clock was set between
// them.
const clockSet = 3 * time.Second

// timeOf is when a reply was made. The counted time has a finer resolution; the
// reply's own is right where the clock was set in the meantime.
func (a anchor) timeOf(relative uint32, wall []byte) model.Timestamp {
	own, ok := absolute(wall)
	if a.known {
		counted := a.at(relative)
		if d := counted.Sub(own); !ok || d < clockSet && d > -clockSet {
			return stamp(counted, true)
		}
	}
	if ok {
		return stamp(own, false)
	}
	return model.Timestamp{Original: fmt.Sprintf("relative %d", relative)}
}
