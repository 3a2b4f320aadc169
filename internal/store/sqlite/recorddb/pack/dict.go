package pack

import (
	"hash/maphash"
	"strings"
	"sync"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// kind of a template, the first byte of its body.
type kind byte

const (
	kindEnvelope kind = 1 + iota
	kindPeer
	kindPatient
	kindVisit
	kindDevice
	kindObservation
	kindShape // the templates of a message's observations, in order
	kindWaveform
	kindIssue
	kindRouted
	kindOrder
	kindPersonal
)

// template is a part that many messages have in common, read once.
type template struct {
	kind        kind
	envelope    model.Message
	peer        string
	patient     model.Patient
	visit       model.Visit
	device      model.Device
	observation *model.Observation
	shape       []uint32
	waveform    *model.Waveform
	issue       model.Issue
	routed      []model.Decision
	order       model.Order
	personal    model.Personal // but for the reading of its clock
}

// Dict holds the templates of one file, numbered from 1. One goroutine at a
// time may write (Builder, Load, Saved); any number may read blocks meanwhile.
//
// A part becomes a template when it is seen the second time, so that a flood
// of parts that are all different leaves no trace; and the number of templates
// is bounded: beyond it, parts are written out in each message.
type Dict struct {
	mu   sync.RWMutex
	list []*template // only grows

	room   int
	ids    map[string]uint32
	bodies []string
	saved  int
	seed   maphash.Seed
	once   []uint64 // hashes seen once, by their low bits
}

const seenOnce = 1 << 13

// NewDict makes an empty dictionary of at most room templates.
func NewDict(room int) *Dict {
	return &Dict{room: room, ids: map[string]uint32{}, seed: maphash.MakeSeed(), once: make([]uint64, seenOnce)}
}

// Load adds the next template as it was saved.
func (d *Dict) Load(body string) error {
	t, err := readTemplate(body)
	if err != nil {
		return err
	}
	d.add(body, t)
	d.saved = len(d.bodies)
	return nil
}

func (d *Dict) add(body string, t *template) uint32 {
	d.mu.Lock()
	d.list = append(d.list, t)
	id := uint32(len(d.list))
	d.mu.Unlock()
	d.ids[body] = id
	d.bodies = append(d.bodies, body)
	return id
}

// Unsaved gives the templates that are not saved yet and the number of the
// first of them. They must be saved together with the blocks that use them.
func (d *Dict) Unsaved() (first int, bodies []string) { return d.saved + 1, d.bodies[d.saved:] }

// Saved says that all templates are saved.
func (d *Dict) Saved() { d.saved = len(d.bodies) }

// Len is the number of templates.
func (d *Dict) Len() int { return len(d.bodies) }

func (d *Dict) snapshot() []*template {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.list
}

// id gives the number of a part's template, 0 when it has none: then it is
// written out.
func (d *Dict) id(body []byte) uint32 {
	if id, ok := d.ids[string(body)]; ok {
		return id
	}
	if len(d.bodies) >= d.room || len(body) > 4096 {
		return 0
	}
	h := maphash.Bytes(d.seed, body)
	if slot := &d.once[h%seenOnce]; *slot != h {
		*slot = h
		return 0
	}
	text := string(body)
	t, err := readTemplate(text)
	if err != nil {
		return 0 // written out, and found when it is read
	}
	return d.add(text, t)
}

func readTemplate(body string) (*template, error) {
	r := reader{s: strings.Clone(body)}
	t := &template{kind: kind(r.byte())}
	switch t.kind {
	case kindEnvelope:
		r.envelope(&t.envelope)
	case kindPeer:
		t.peer = r.text()
	case kindPatient:
		r.patient(&t.patient)
	case kindVisit:
		r.visit(&t.visit)
	case kindDevice:
		r.device(&t.device)
	case kindObservation:
		t.observation = new(model.Observation)
		r.observation(t.observation)
	case kindShape:
		n, _ := r.len()
		t.shape = make([]uint32, n)
		for i := range t.shape {
			t.shape[i] = uint32(r.uint())
		}
	case kindWaveform:
		t.waveform = new(model.Waveform)
		r.waveform(t.waveform)
	case kindIssue:
		r.issue(&t.issue)
	case kindRouted:
		t.routed = r.routed()
	case kindOrder:
		r.order(&t.order)
	case kindPersonal:
		r.personal(&t.personal)
	default:
		r.fail()
	}
	if r.bad || r.s != "" {
		return nil, damaged("a template")
	}
	return t, nil
}

func damaged(what string) error {
	return fault.New(fault.Broken, "record.damaged", "%s of the record cannot be read; set the file aside and read the journal again", what)
}
