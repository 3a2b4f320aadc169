package alert

import (
	"cmp"
	"slices"
	"time"

	"thalamus/internal/model"
)

const (
	// remembered is how long an ended life still takes reports that come late.
	remembered = 15 * time.Minute
	// followed is how long an alert may be without news and still be followed.
	// It is not taken to have ended: its last state stays in the record.
	followed = 7 * 24 * time.Hour
	// mostOfOne bounds the lives kept under one key.
	mostOfOne = 8
	// Most bounds the alerts whose lives are followed at once; beyond it an
	// alert is in its messages only.
	Most = 20_000
)

// Lives follows the alerts of all sources. A Life it gave out is not changed
// any more: what goes on is a copy. It is for one goroutine.
type Lives struct {
	base *Lives // what this one is laid over; nil: none
	all  map[key][]*Life
	// listed are the ids of a device's alerts that stand on a list, as far as
	// this keeper has them; what became of them, all says.
	listed map[model.DeviceID]map[string]bool
	n      int
	tidy   time.Time // arrival at which ended lives were last forgotten; of one laid over another, the newest arrival
}

// NewLives makes an empty keeper.
func NewLives() *Lives {
	return &Lives{all: map[key][]*Life{}, listed: map[model.DeviceID]map[string]bool{}}
}

// Over makes a keeper that goes on from base and leaves it as it is, until
// Settle.
func (s *Lives) Over() *Lives {
	over := NewLives()
	over.base = s
	return over
}

// Settle puts what was kept over the base into it and begins anew.
func (s *Lives) Settle() {
	if s.base == nil {
		return
	}
	for k, list := range s.all {
		s.base.put(k, list)
	}
	s.base.forget(s.tidy)
	s.Drop()
}

// Drop forgets what was kept over the base.
func (s *Lives) Drop() {
	clear(s.all)
	clear(s.listed)
	s.n = 0
}

func (s *Lives) put(k key, list []*Life) {
	s.n += len(list) - len(s.all[k])
	s.list(k, list)
	if len(list) == 0 && s.base == nil {
		delete(s.all, k)
		return
	}
	s.all[k] = list // an empty one hides that of the base
}

func (s *Lives) get(k key) []*Life {
	if list, ok := s.all[k]; ok || s.base == nil {
		return list
	}
	return s.base.get(k)
}

func (s *Lives) count() int {
	if s.base != nil {
		return s.n + s.base.count()
	}
	return s.n
}

// Load adds a life as it was kept; lives of one alert in the order they began.
func (s *Lives) Load(l *Life) {
	k := key{cmp.Or(l.Now, l.Device), l.Alert.ID}
	s.put(k, append(s.get(k)[:len(s.get(k)):len(s.get(k))], l))
}

// Remembers says whether a life still takes reports when at is the arrival of
// the newest message: a keeper that is made anew must Load it.
func Remembers(l *Life, at time.Time) bool {
	return at.Sub(l.Arrived) < remembered || l.Active && at.Sub(l.Arrived) < followed
}

// Take adds a report and gives the life it belongs to, as it is now, and
// whether it came late; nil when too many are followed already.
func (s *Lives) Take(r *Report) (l *Life, late bool) {
	s.forget(r.Arrived)
	k := key{r.Device, r.Alert.ID}
	list := s.get(k)
	if before := r.Alert.Life.Before; before != "" && before != r.Device && find(list, r) < 0 {
		list = s.move(key{before, r.Alert.ID}, list, r)
	}
	at := find(list, r)
	if at >= 0 && r.again(list[at]) {
		at = -1
	}
	fresh := make([]*Life, 0, len(list)+1)
	for i, one := range list {
		if i != at && Remembers(one, r.Arrived) {
			fresh = append(fresh, one)
		}
	}
	if at >= 0 {
		was := list[at].Late
		one := *list[at]
		l = &one
		l.take(r)
		late = l.Late > was
	} else {
		if s.count() >= Most {
			return nil, false
		}
		l = begin(r)
	}
	fresh = append(fresh, l)
	if len(fresh) > mostOfOne {
		fresh = fresh[len(fresh)-mostOfOne:]
	}
	s.put(k, fresh)
	return l, late
}

// Before gives the name, of those that stand for a report's device beside its
// own, under which the alert that it is about goes on; empty for none.
func (s *Lives) Before(r *Report, names []model.DeviceID) model.DeviceID {
	if find(s.get(key{r.Device, r.Alert.ID}), r) >= 0 {
		return ""
	}
	for _, name := range names {
		if name == r.Device {
			continue
		}
		list := s.get(key{name, r.Alert.ID})
		if at := find(list, r); at >= 0 && list[at].goesOn(r) {
			return name
		}
	}
	return ""
}

// goesOn says whether a report under another name of the device may go on with
// the life: it is not over, and of no other patient.
func (l *Life) goesOn(r *Report) bool {
	return l.Active && (l.Patient == "" || r.Patient == "" || l.Patient == r.Patient)
}

// move takes the life that a report is about from under another name of its
// device, and gives list with it.
func (s *Lives) move(from key, list []*Life, r *Report) []*Life {
	was := s.get(from)
	at := find(was, r)
	if at < 0 || !was[at].goesOn(r) {
		return list
	}
	l := *was[at]
	l.Now = r.Device
	s.put(from, slices.Delete(slices.Clone(was), at, at+1))
	return append(slices.Clone(list), &l)
}

// find gives the life a report belongs to: one that agrees in event and source
// before one that is only named, one that goes on before one that ended, the
// newest of those; -1 for none.
func find(list []*Life, r *Report) int {
	best, rank := -1, 0
	for i, l := range list {
		if !r.about(l) || !Remembers(l, r.Arrived) {
			continue
		}
		n := 1
		if l.Active {
			n++
		}
		if r.exact(l) {
			n += 2
		}
		if n >= rank {
			best, rank = i, n
		}
	}
	return best
}

// again says whether a report tells that an alert which ended is there again:
// that is another life.
func (r *Report) again(l *Life) bool {
	if l.Active || l.older(r) {
		return false
	}
	return StageOf(r.Alert) != model.AlertEnded || r.Alert.Phase == "tpoint" && !r.At.Equal(l.Updated)
}

// forget lets ended lives go, now and then.
func (s *Lives) forget(now time.Time) {
	if s.base != nil {
		s.tidy = now
		return
	}
	if now.Sub(s.tidy) < time.Minute && s.n < Most {
		return
	}
	s.tidy = now
	for k, list := range s.all {
		keep := list[:0:0]
		for _, l := range list {
			if Remembers(l, now) {
				keep = append(keep, l)
			}
		}
		s.put(k, keep)
	}
}

// Each gives every life that is followed, and those that ended lately.
func (s *Lives) Each(yield func(*Life) bool) {
	for _, list := range s.all {
		for _, l := range list {
			if !yield(l) {
				return
			}
		}
	}
}
