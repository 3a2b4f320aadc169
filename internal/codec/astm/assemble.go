package astm

import "bytes"

// Assembler joins the texts of frames to groups: what is journaled as one
// entry. A group is a message, H to L, or the part of it that belongs to one
// order: where a record steps back to the level of patient or order, what came
// before is what LIS02-A2 §5.3 lets the sender forget, so it must be durable
// before that record is acknowledged. Later groups of a message begin with
// its H, and P where it stays the same, again (decision 0155).
type Assembler struct {
	Max int // longest group in bytes; 0: none

	group   []byte // whole records
	rest    []byte // the beginning of a record
	head    []byte // H of the message
	patient []byte // P above the group
	fresh   int    // bytes of group that no group before held
	hasP    bool
	hasO    bool
	part    int // groups of this message before
	done    []Group
}

// Group is what is journaled together.
type Group struct {
	Bytes []byte
	Part  int  // groups of the same message before this one
	Ended bool // the message's terminator, L, is in it
}

// Add takes the text of a frame; last says that a record ends with it. It
// gives the groups that are whole now. ok is false when the message is longer
// than Max: the frame was not taken. An Assembler that was copied before stands
// for the state before: what could not be stored is taken back with it.
func (a *Assembler) Add(text []byte, last bool) (whole []Group, ok bool) {
	if a.Max > 0 && len(a.group)+len(a.rest)+len(text) > a.Max {
		return nil, false
	}
	a.done = nil
	a.rest = append(a.rest, text...)
	for {
		end := bytes.IndexByte(a.rest, CR)
		if end < 0 {
			break
		}
		a.record(a.rest[:end+1])
		a.rest = a.rest[end+1:]
	}
	if tail := bytes.Trim(a.rest, "\n"); last && len(tail) > 0 {
		a.record(append(bytes.Clone(tail), CR)) // senders leave out CR before ETX
		a.rest = nil
	}
	if len(a.rest) == 0 || last {
		a.rest = nil
	}
	return a.done, true
}

// record takes a whole record with its CR.
func (a *Assembler) record(r []byte) {
	switch kindOf(r) {
	case 0:
		return
	case 'H':
		a.flush(false)
		a.reset()
		a.head = bytes.Clone(r)
	case 'P':
		if a.hasP {
			a.flush(false)
			a.context(false)
		}
		a.hasP, a.hasO, a.patient = true, false, bytes.Clone(r)
	case 'O':
		if a.hasO {
			a.flush(false)
			a.context(true)
		}
		a.hasO = true
	case 'L':
		a.group = append(a.group, r...)
		a.fresh += len(r)
		a.flush(true)
		a.reset()
		return
	}
	a.group = append(a.group, r...)
	a.fresh += len(r)
}

// kindOf is the type of a record, in capitals; 0 for an empty one.
func kindOf(r []byte) byte {
	r = bytes.TrimLeft(r, " \t\r\n")
	if len(r) == 0 {
		return 0
	}
	if c := r[0]; c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return r[0]
}

// context begins a group with what it stands under.
func (a *Assembler) context(patient bool) {
	a.group = append(a.group, a.head...)
	if patient {
		a.group = append(a.group, a.patient...)
	}
	a.hasP = patient
}

func (a *Assembler) flush(ended bool) {
	if a.fresh > 0 {
		a.done = append(a.done, Group{Bytes: a.group, Part: a.part, Ended: ended})
		a.part++
	}
	a.group, a.fresh, a.hasO = nil, 0, false
}

func (a *Assembler) reset() {
	a.head, a.patient, a.hasP, a.hasO, a.part = nil, nil, false, false, 0
}

// Rest gives what was taken and belongs to no group yet, whole records and the
// beginning of one, and begins anew: the transmission ended.
func (a *Assembler) Rest() (g Group, some bool) {
	if a.fresh == 0 && len(a.rest) == 0 {
		*a = Assembler{Max: a.Max}
		return Group{}, false
	}
	g = Group{Bytes: append(a.group, a.rest...), Part: a.part}
	*a = Assembler{Max: a.Max}
	return g, true
}

// Unframe joins the frames of a capture: what an instrument sent, with frames
// and control characters. Frames with a wrong checksum are left out and
// counted; one that repeats the frame before it counts once.
func Unframe(capture []byte) (records []byte, damaged int) {
	var s Scanner
	var last Token
	for b := capture; ; {
		n, t := s.Next(b)
		b = b[n:]
		switch t.Kind {
		case More:
			return records, damaged
		case Frame:
			if last.Kind == Frame && t.Number == last.Number && bytes.Equal(t.Text, last.Text) {
				continue
			}
			last = t
			records = append(records, t.Text...)
			if t.Last && (len(records) == 0 || records[len(records)-1] != CR) {
				records = append(records, CR)
			}
		case Damaged, Cut, Oversize:
			damaged++
		}
	}
}
