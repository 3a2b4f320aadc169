package extract

import "thalamus/internal/model"

// part writes a run of messages in one form.
type part interface {
	// add writes a message. It says how many rows that made.
	add(m *model.Message) (rows int, err error)
	// full says that the part has become long enough.
	full() bool
	// finish gives the files their names; none where nothing was written.
	finish() ([]File, error)
	// drop removes what was written.
	drop()
}

// tables is a part in one of the forms that are tables.
type tables struct {
	filter       filter
	observations *sheet[observationRow] // nil: not wanted
	waveforms    *sheet[waveformRow]
	alerts       *sheet[alertRow]
	messages     *sheet[messageRow]
	issues       *sheet[issueRow]
	all          []closing

	o []observationRow // room
	w []waveformRow
	a []alertRow
	m [1]messageRow
	i []issueRow
}

// closing is the end of a sheet.
type closing interface {
	finish() (f File, some bool, err error)
	drop()
}

func newTables(f filter, k kit) *tables {
	t := &tables{filter: f}
	if f.ask.has(Observations) {
		t.observations = add[observationRow](t, k, Observations)
	}
	if f.ask.has(Waveforms) {
		t.waveforms = add[waveformRow](t, k, Waveforms)
	}
	if f.ask.has(Alerts) {
		t.alerts = add[alertRow](t, k, Alerts)
	}
	if f.ask.has(Messages) {
		t.messages = add[messageRow](t, k, Messages)
	}
	if f.ask.has(Issues) {
		t.issues = add[issueRow](t, k, Issues)
	}
	return t
}

func add[Row any](t *tables, k kit, table Table) *sheet[Row] {
	s := &sheet[Row]{kit: k, table: table}
	t.all = append(t.all, s)
	return s
}

// add writes a message. What repeats an earlier message is in the table of
// messages alone: its values are recorded once (R18).
func (t *tables) add(m *model.Message) (rows int, err error) {
	f := &t.filter
	s := sourceOf(m)
	t.o, t.w, t.a, t.i = t.o[:0], t.w[:0], t.a[:0], t.i[:0]
	if m.Duplicate == (model.MessageRef{}) {
		m := m.OnlyNew()
		for k := range m.Observations {
			if o := &m.Observations[k]; t.observations != nil && f.part(m, o.Device, &o.Code, &o.Received) {
				t.o = append(t.o, observationRow{})
				t.o[len(t.o)-1].fill(s, m, o)
			}
		}
		for k := range m.Waveforms {
			if w := &m.Waveforms[k]; t.waveforms != nil && f.part(m, w.Device, &w.Code, &w.Received) {
				t.w = append(t.w, waveformRow{})
				t.w[len(t.w)-1].fill(s, m, w)
			}
		}
		for k := range m.Alerts {
			if a := &m.Alerts[k]; t.alerts != nil && f.alert(m, a) {
				t.a = append(t.a, alertRow{})
				t.a[len(t.a)-1].fill(s, m, a)
			}
		}
		for k := range m.Issues {
			if t.issues != nil {
				t.i = append(t.i, issueRow{})
				t.i[len(t.i)-1].fill(s, &m.Issues[k])
			}
		}
	}
	if t.messages != nil {
		t.m[0].fill(s, m)
		if err := t.messages.put(t.m[:]); err != nil {
			return 0, err
		}
		rows = 1
	}
	if len(t.o) > 0 {
		if err := t.observations.put(t.o); err != nil {
			return 0, err
		}
	}
	if len(t.w) > 0 {
		if err := t.waveforms.put(t.w); err != nil {
			return 0, err
		}
		for k := range t.w {
			rows += len(t.w[k].Samples) / samplesAsRow
		}
	}
	if len(t.a) > 0 {
		if err := t.alerts.put(t.a); err != nil {
			return 0, err
		}
	}
	if len(t.i) > 0 {
		if err := t.issues.put(t.i); err != nil {
			return 0, err
		}
	}
	return rows + len(t.o) + len(t.w) + len(t.a) + len(t.i), nil
}

// samplesAsRow: so many samples of a waveform count as a row when a part's
// length is measured.
const samplesAsRow = 64

// full: how long a part of tables is, the run decides by its rows.
func (t *tables) full() bool { return false }

func (t *tables) finish() (files []File, err error) {
	for _, s := range t.all {
		f, some, err := s.finish()
		if err != nil {
			t.drop()
			return nil, err
		}
		if some {
			files = append(files, f)
		}
	}
	return files, nil
}

func (t *tables) drop() {
	for _, s := range t.all {
		s.drop()
	}
}
