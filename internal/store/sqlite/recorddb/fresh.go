package recorddb

import (
	"strings"

	"thalamus/internal/model"
)

// fresh is what is known of messages beyond their blocks: since the last seal,
// and what goes on (latest values, active alerts, counts).
type fresh struct {
	names    *names
	series   *allSeries
	alerts   *alerts
	tally    *tally
	controls []byte // control ids, each followed by a line feed
	hour     int64  // of arrival of the last message, Unix hours
}

func newFresh() fresh {
	return fresh{names: newNames(), series: newAllSeries(), alerts: newAlerts(), tally: newTally()}
}

// add takes a message. It keeps no reference to its lists.
func (f *fresh) add(m *model.Message, in *file, at ordinal) {
	f.names.add(m, at)
	f.series.add(m, in, at)
	f.alerts.add(m)
	f.tally.add(m)
	f.controls = appendControl(f.controls, m.ControlID)
	f.hour = hourOf(m.Arrived)
}

func appendControl(b []byte, id string) []byte {
	if strings.Contains(id, "\n") {
		id = strings.ReplaceAll(id, "\n", " ")
	}
	b = append(b, id...)
	return append(b, '\n')
}

// largestPosting is the memory a posting keeps for the time after a seal.
const largestPosting = 4 << 10

// sealed forgets what a seal has written.
func (f *fresh) sealed() {
	for _, n := range f.names.all {
		if cap(n.body) > largestPosting {
			n.body = nil
		}
		n.posting.clear()
	}
	for _, s := range f.series.all {
		if cap(s.body) > largestPosting {
			s.body = nil
		}
		s.chunk.clear()
		s.touched = false
	}
	clear(f.alerts.touched)
	clear(f.tally.issues)
	clear(f.tally.sighted)
	f.controls = f.controls[:0]
}

// roll begins a new file after the one that ended, which is sealed.
func (f *fresh) roll(ended *file) {
	f.names = newNames()
	f.series.roll(ended)
}
