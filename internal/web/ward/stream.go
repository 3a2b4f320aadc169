package ward

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// news is what the stream says of one bed: numbers, a run of a waveform,
// alerts. Times are Unix milliseconds of the server's clock.
type news struct {
	Bed    string      `json:"bed"`
	Now    int64       `json:"now"`
	Values []newsValue `json:"values,omitempty"`
	Wave   *newsWave   `json:"wave,omitempty"`
	Alarms []newsAlarm `json:"alarms,omitempty"`
	// Devices that have just been heard: the sources of alerts among them are
	// not silent.
	Devices []string `json:"devices,omitempty"`
	// Again says that the page must be read again: somebody moved.
	Again bool `json:"again,omitempty"`
}

type newsValue struct {
	Key  string `json:"key"`
	Text string `json:"text"`
	At   int64  `json:"at"`
}

type newsWave struct {
	Key     string     `json:"key"`
	Name    string     `json:"name"`
	Unit    string     `json:"unit,omitempty"`
	Tint    string     `json:"tint"`
	At      int64      `json:"at"`     // of the first sample, by the device's clock
	Period  float64    `json:"period"` // milliseconds between samples
	Samples waveValues `json:"samples"`
}

type newsAlarm struct {
	ID       string `json:"id"`
	On       bool   `json:"on"`
	Text     string `json:"text,omitempty"`
	Priority string `json:"priority,omitempty"`
	At       int64  `json:"at"`
	Ref      string `json:"ref"`
	Mark     string `json:"mark,omitempty"`
	Muted    string `json:"muted,omitempty"`
	Latched  bool   `json:"latched,omitempty"`
	Device   string `json:"device,omitempty"`
}

// waveValues are samples in the unit of the waveform; a missing one is null.
type waveValues struct{ w *model.Waveform }

// MarshalJSON writes the samples as numbers of at most four decimals.
func (v waveValues) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 7*len(v.w.Samples)+2)
	origin, scale := v.w.Origin.Float64(), v.w.Scale.Float64()
	b = append(b, '[')
	for i, s := range v.w.Samples {
		if i > 0 {
			b = append(b, ',')
		}
		if s == model.Gap {
			b = append(b, "null"...)
			continue
		}
		b = appendShort(b, origin+float64(s)*scale)
	}
	return append(b, ']'), nil
}

const (
	writePatience = 5 * time.Second
	pingEvery     = 20 * time.Second
	// A stream ends after this long; the page opens the next one, and who may
	// no longer look is told so then.
	streamFor = 10 * time.Minute
)

// streams bounds how many are open, of all and of one person.
type streams struct {
	all, each int

	mu   sync.Mutex
	open map[model.ActorID]int
	sum  int
}

func newStreams(all, each int) *streams {
	return &streams{all: all, each: each, open: map[model.ActorID]int{}}
}

// serving counts the streams that f serves.
func (s *streams) serving(f func(v *ui.Visit, w http.ResponseWriter) error) func(v *ui.Visit, w http.ResponseWriter) error {
	return func(v *ui.Visit, w http.ResponseWriter) error {
		who := v.Door.Actor().ID
		if !s.add(who, 1) {
			return fault.New(fault.Transient, "web.too-many-streams", "too many live pages are open; close some")
		}
		defer s.add(who, -1)
		return f(v, w)
	}
}

func (s *streams) add(who model.ActorID, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > 0 && (s.sum >= s.all || s.open[who] >= s.each) {
		return false
	}
	s.sum += n
	if s.open[who] += n; s.open[who] == 0 {
		delete(s.open, who)
	}
	return true
}

// stream sends what is recorded from now on. It may skip, and does when the
// reader is slow; the record does not (R23).
func stream(v *ui.Visit, w http.ResponseWriter) error {
	ctx, cancel := context.WithTimeout(v.Context(), streamFor)
	defer cancel()
	watcher, err := v.Door.Watch(ctx)
	if err != nil {
		return err
	}
	defer watcher.Stop()
	conn, err := websocket.Accept(w, v.Request, nil)
	if err != nil {
		return nil // Accept has answered
	}
	defer conn.CloseNow()
	ctx = conn.CloseRead(ctx)
	s := &streamer{only: v.Query("only"), waves: map[string]int{}, text: func(m model.Value) string { return ui.Shown(ctx, m) }, muted: func(state string) string { return mutedText(ctx, state) },
		named: func(c model.Code, received model.Coding) string { return ui.Named(ctx, c, received) }, alert: func(a *model.Alert) string { return alertText(ctx, a) }}
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ping.C:
			if !mayGoOn(v, conn) {
				return nil
			}
			if conn.Ping(ctx) != nil {
				return nil
			}
		case m := <-watcher.C:
			if !mayGoOn(v, conn) {
				return nil
			}
			for _, n := range s.news(m) {
				if !write(ctx, conn, n) {
					return nil
				}
			}
		}
	}
}

// mayGoOn ends the stream of who signed out, was shut or may no longer look.
func mayGoOn(v *ui.Visit, conn *websocket.Conn) bool {
	if v.Door.Still() == nil && v.May("live.watch") {
		return true
	}
	_ = conn.Close(websocket.StatusPolicyViolation, "no longer allowed") // gone either way
	return false
}

func write(ctx context.Context, conn *websocket.Conn, n *news) bool {
	text, err := json.Marshal(n)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, writePatience)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, text) == nil
}

// streamer turns messages into news of beds.
type streamer struct {
	only  string
	waves map[string]int // bed → rank of the waveform shown for it
	text  func(model.Value) string
	muted func(state string) string
	named func(model.Code, model.Coding) string
	alert func(*model.Alert) string
}

// news gives what a message says, bed by bed: of its patient, else of its
// devices.
func (s *streamer) news(m *model.Message) []*news {
	if m.Duplicate != (model.MessageRef{}) {
		return nil
	}
	m = m.OnlyNew()
	var out []*news
	of := func(device int) *news {
		key := bedKey(m, device)
		if key == "" || s.only != "" && key != s.only {
			return nil
		}
		for _, n := range out {
			if n.Bed == key {
				return n
			}
		}
		n := &news{Bed: key, Now: m.Recorded.UnixMilli()}
		out = append(out, n)
		return n
	}
	if m.Event != nil {
		if n := of(-1); n != nil {
			n.Again = true
		}
	}
	for i := range m.Observations {
		o := &m.Observations[i]
		if o.Value.Kind == model.ValueNone && o.Absent == "" || o.Code == (model.Code{}) && o.Received.Code == "" {
			continue
		}
		n := of(o.Device)
		if n == nil {
			continue
		}
		text := "–"
		if o.Absent == "" {
			text = s.text(o.Value)
		}
		n.Values = append(n.Values, newsValue{keyOf(o.Code, o.Received), text, heldAt(m, o.DeviceTime).UnixMilli()})
	}
	for i := range m.Waveforms {
		w := &m.Waveforms[i]
		if n := of(w.Device); n != nil && w.PeriodNS > 0 && len(w.Samples) > 0 {
			s.wave(n, m, w)
		}
	}
	ref, _ := m.Ref.MarshalText()
	for i := range m.Alerts {
		a := &m.Alerts[i]
		if a.Heartbeat || a.Life.Late {
			continue // nothing new is known
		}
		stage := cmp.Or(a.Life.Stage, service.AlertStage(a))
		if n := of(a.Device); n != nil {
			n.Alarms = append(n.Alarms, newsAlarm{
				ID: alarmID(whose(m, a.Device), a.ID), On: stage != model.AlertEnded, Text: s.alert(a), Priority: priority(cmp.Or(a.Life.Priority, a.Priority)),
				At: m.Arrived.UnixMilli(), Ref: string(ref), Mark: priorityMark(priority(cmp.Or(a.Life.Priority, a.Priority))),
				Muted: s.muted(cmp.Or(a.Life.Muted, a.Muted)), Latched: stage == model.AlertLatched, Device: whose(m, a.Device),
			})
		}
	}
	for _, n := range out {
		for i := range m.Devices {
			if id := string(m.Devices[i].ID); id != "" && !slices.Contains(n.Devices, id) {
				n.Devices = append(n.Devices, id)
			}
		}
	}
	return slices.DeleteFunc(out, func(n *news) bool { return !n.Again && n.Wave == nil && len(n.Values)+len(n.Alarms) == 0 })
}

// wave keeps to one waveform a bed: the best it has shown.
func (s *streamer) wave(n *news, m *model.Message, w *model.Waveform) {
	key := keyOf(w.Code, w.Received)
	rank := waveRank(key)
	best, shown := s.waves[n.Bed]
	if shown && best < rank || n.Wave != nil && waveRank(n.Wave.Key) <= rank {
		return
	}
	s.waves[n.Bed] = rank
	at := w.DeviceTime.UTC
	if at.IsZero() {
		at = m.Arrived.Add(-time.Duration(w.PeriodNS) * time.Duration(len(w.Samples)))
	}
	n.Wave = &newsWave{
		Key: key, Name: s.named(w.Code, w.Received), Unit: unitText(w.UnitUCUM), Tint: tint(key),
		At: at.UnixMilli(), Period: float64(w.PeriodNS) / 1e6, Samples: waveValues{w},
	}
}

// bedKey is card.Key for what a message says of one of its devices.
func bedKey(m *model.Message, device int) string {
	if m.Patient != nil && m.Patient.ID != "" {
		return "p" + string(m.Patient.ID)
	}
	if id := whose(m, device); id != "" {
		return "d" + id
	}
	return ""
}

// whose is the device behind one of a message's devices.
func whose(m *model.Message, device int) string {
	for range m.Devices {
		if device < 0 || device >= len(m.Devices) {
			break
		}
		if id := m.Devices[device].ID; id != "" {
			return string(id)
		}
		device = m.Devices[device].Parent
	}
	for i := range m.Devices {
		if id := m.Devices[i].ID; id != "" {
			return string(id)
		}
	}
	return ""
}

// alarmID tells the alerts of a bed apart: two devices may use one id.
func alarmID(device, id string) string { return device + " " + id }

// heldAt says when a value held, by our clock: as long before the message's
// arrival as it was before the message by the device's clock, so that a wrong
// clock makes nothing older or younger.
func heldAt(m *model.Message, t model.Timestamp) time.Time {
	if t.UTC.IsZero() || m.DeviceTime.UTC.IsZero() || t.UTC.After(m.DeviceTime.UTC) {
		return m.Arrived
	}
	return m.Arrived.Add(-m.DeviceTime.UTC.Sub(t.UTC))
}
