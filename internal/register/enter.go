package register

import (
	"context"
	"slices"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// BulkTx is what changes of many devices at once need of a transaction.
type BulkTx interface {
	// FactsOf gives every fact of some subjects, each subject's oldest first.
	FactsOf(ctx context.Context, subjects []fact.Subject) ([]fact.Fact, error)
	// SaveEdits stores edits and gives what they add its ids.
	SaveEdits(ctx context.Context, edits []fact.Edit, mark Mark) error
	// EnterDevices stores new devices whole, and of known ones what was
	// asserted and decided.
	EnterDevices(ctx context.Context, devices []Device) error
	// RemoveDevices takes devices away that were never heard.
	RemoveDevices(ctx context.Context, ids []string) error
}

// Entry is what a bulk change says of one device.
type Entry struct {
	ID     model.DeviceID // of a known device; empty: a new one
	Names  model.Device   // what names a new one: serial, UDI, MAC, maker, model
	Asset  string         // asset number of a new one
	Adopt  bool           // take a new one into use
	Source string
	// Said are the values by the names of facts. An empty value ends what was
	// said.
	Said map[string]string
	// Was is what was said of the same names when the change was planned. A
	// name that says something else by now is a conflict, and nothing of the
	// entry is done: the other person's work is not overwritten.
	Was map[string]string
}

// Entered says what became of an entry.
type Entered struct {
	ID   model.DeviceID
	Made bool // it is new
	Said int  // facts that changed
	Err  error
}

// Enter does many entries in the caller's transaction. An entry with a fault
// of its own changes nothing; the error is of the transaction.
func (r *Register) Enter(ctx context.Context, tx Tx, entries []Entry, mark Mark) ([]Entered, error) {
	b := bulk{r: r, mark: mark, work: map[model.DeviceID]*entering{}}
	out := make([]Entered, len(entries))
	r.mu.Lock()
	for i := range entries {
		out[i] = b.enter(&entries[i])
	}
	r.mu.Unlock()
	return out, b.store(ctx, tx)
}

// bulk is a change of many devices under way.
type bulk struct {
	r     *Register
	mark  Mark
	work  map[model.DeviceID]*entering
	order []*entering
}

// entering is what a bulk change makes of one device.
type entering struct {
	dev     Device
	made    bool
	touched bool // what was asserted of it in its own row changed
	said    []fact.Fact
	edit    fact.Edit
}

// enter makes the edit of one entry. Called with r.mu held.
func (b *bulk) enter(e *Entry) Entered {
	w, err := b.unit(e)
	if err != nil {
		return Entered{Err: err}
	}
	if w.edit.Add != nil || w.edit.Retract != nil {
		return Entered{ID: w.dev.ID, Err: fault.New(fault.Conflict, "register.version", "device %q is said of twice in one step", clip(string(w.dev.ID)))}
	}
	subject := fact.Of(fact.OfDevice, string(w.dev.ID))
	a := w.dev.Asserted
	var edit fact.Edit
	names := make([]string, 0, len(e.Said))
	for name := range e.Said {
		names = append(names, name)
	}
	slices.Sort(names)
	said := 0
	for _, name := range names {
		if was, planned := e.Was[name], saidNow(w.said, name, b.mark); e.Was != nil && was != planned {
			return Entered{ID: w.dev.ID, Err: fault.New(fault.Conflict, "register.version", "%s of device %q was changed meanwhile", name, clip(string(w.dev.ID))).At(name)}
		}
		value, err := fact.Check(fact.OfDevice, name, e.Said[name])
		if err == nil {
			err = a.set(name, value)
		}
		if err != nil {
			return Entered{ID: w.dev.ID, Err: err}
		}
		one, err := fact.Put(w.said, fact.Fact{Subject: subject, Name: name, Truth: fact.Asserted, Value: value, Source: e.Source,
			From: b.mark.At, Believed: b.mark.At, By: b.mark.By, Change: b.mark.Change})
		if err != nil {
			return Entered{ID: w.dev.ID, Err: err}
		}
		if !one.Empty() {
			said++
			edit.Retract, edit.Add = append(edit.Retract, one.Retract...), append(edit.Add, one.Add...)
		}
	}
	if w.made && e.Adopt {
		w.dev.Adoption = &Adoption{By: b.mark.By, At: b.mark.At}
		edit.Add = append(edit.Add, fact.Fact{Subject: subject, Name: "adoption", Truth: fact.Asserted, Value: "adopted", From: b.mark.At, Believed: b.mark.At, By: b.mark.By, Change: b.mark.Change})
	}
	if a != w.dev.Asserted || w.made {
		w.dev.Asserted, w.touched = a, true
		w.dev.Version++
	}
	w.edit = edit
	if b.work[w.dev.ID] == nil {
		b.work[w.dev.ID] = w
		b.order = append(b.order, w)
	}
	return Entered{ID: w.dev.ID, Made: w.made, Said: said}
}

// set takes what devices also keep in their own row.
func (a *Asserted) set(name, value string) error {
	switch name {
	case "name":
		if len(value) > 200 {
			return fault.New(fault.Invalid, "register.incomplete", "a name has at most 200 bytes").At(name)
		}
		a.Name = value
	case "note":
		a.Note = value
	case "place":
		place, err := ParsePlace(value)
		if err != nil {
			return err
		}
		a.Place = place
	case "zone", "clock", "adoption", "profile", "range":
		return fault.New(fault.Invalid, "register.fact", "%q has an act of its own", name).At(name)
	}
	return nil
}

func saidNow(rows []fact.Fact, name string, mark Mark) string {
	for i := range rows {
		if f := &rows[i]; f.Name == name && f.Truth == fact.Asserted && f.TrueAt(mark.At) {
			return f.Value
		}
	}
	return ""
}

// unit finds or makes what an entry is about. Called with r.mu held.
func (b *bulk) unit(e *Entry) (*entering, error) {
	id := e.ID
	var keys []string
	if id == "" {
		keys = keysOf(&e.Names, "")
		keys = slices.DeleteFunc(keys, func(k string) bool { return strings.HasPrefix(k, "serial|@") }) // a number without its maker names nothing
		if asset := fold(e.Asset); !worthless(asset) {
			keys = append(keys, "asset|"+asset)
		}
		if len(keys) == 0 && !worthless(e.Names.Serial) {
			keys = []string{"serial||" + "|" + fold(e.Names.Serial)}
		}
		if len(keys) == 0 {
			return nil, fault.New(fault.Invalid, "register.incomplete", "nothing names the device; give a serial number, a UDI, a MAC address or an asset number").At("serial")
		}
		for _, k := range keys {
			if u := b.r.head(b.r.byKey[k]); u != nil {
				id = u.dev.ID // made or heard since the change was planned
				break
			}
		}
		if id == "" {
			id = idOf(keys[0])
		}
	}
	if w := b.work[id]; w != nil {
		return w, nil
	}
	if u := b.r.unit(id); u != nil {
		return &entering{dev: u.dev.copy(), said: b.r.told(u)}, nil
	}
	if e.ID != "" {
		return nil, absent(id)
	}
	return &entering{made: true, dev: Device{ID: id, Keys: keys}, said: b.r.beliefs[fact.Of(fact.OfDevice, string(id))]}, nil
}

// store writes everything and, after the commit, brings it into memory.
func (b *bulk) store(ctx context.Context, tx Tx) error {
	var devices []Device
	var edits []fact.Edit
	for _, w := range b.order {
		if w.touched {
			devices = append(devices, w.dev)
		}
		if !w.edit.Empty() {
			edits = append(edits, w.edit) // shares Add, which gets its ids
		}
	}
	if len(devices) > 0 {
		if err := tx.EnterDevices(ctx, devices); err != nil {
			return err
		}
	}
	if len(edits) > 0 {
		if err := tx.SaveEdits(ctx, edits, b.mark); err != nil {
			return err
		}
	}
	tx.OnCommit(b.remember)
	return nil
}

// remember brings what was entered into memory.
func (b *bulk) remember() {
	r := b.r
	r.mu.Lock()
	defer r.mu.Unlock()
	var made []*unit
	for _, w := range b.order {
		u := r.units[w.dev.ID]
		switch {
		case u == nil:
			made = append(made, r.index(w.dev))
		case w.touched:
			u.dev.Asserted, u.dev.Version = w.dev.Asserted, w.dev.Version
			r.touch(u, b.mark.At)
			r.said(u)
		}
		if w.edit.Empty() {
			continue
		}
		rows := slices.Clone(w.said)
		rows = slices.DeleteFunc(rows, func(f fact.Fact) bool { return slices.Contains(w.edit.Retract, f.ID) })
		r.believe(fact.Of(fact.OfDevice, string(w.dev.ID)), append(rows, w.edit.Add...), b.mark.At)
	}
	if len(made) > 0 {
		clear(r.fast) // keys may name what was a stranger until now
		r.placeAll(made)
	}
}
