package phdagent

import (
	"encoding/binary"
	"time"

	"thalamus/internal/codec/phd"
)

// serve answers one request of the manager.
func (a *Agent) serve(call *phd.Call, _ []byte) error {
	reply := &phd.Call{Invoke: call.Invoke, Handle: call.Handle, Type: call.Type}
	switch {
	case call.Op == phd.OpGet && call.Handle == 0:
		reply.Op, reply.Attributes = phd.OpGetResult, a.attributes()
	case call.Op == phd.OpGet && call.Handle == storeHandle:
		reply.Op, reply.Attributes = phd.OpGetResult, []phd.Attribute{{ID: phd.AttrStoreCapable, Value: phd.U16(0x0100)}, {ID: phd.AttrSegments, Value: phd.U16(1)}, {ID: phd.AttrOperational, Value: phd.U16(0)}}
	case call.Op == phd.OpActionConfirmed && call.Type == phd.ActionSetTime && len(call.Info) == 12:
		a.set(call.Info)
		reply.Op = phd.OpActionResult
	case call.Op == phd.OpActionConfirmed && call.Handle == storeHandle && call.Type == phd.ActionSegmentInfo:
		reply.Op, reply.Info = phd.OpActionResult, phd.SegmentsBytes([]phd.Segment{a.describe()})
	case call.Op == phd.OpActionConfirmed && call.Handle == storeHandle && call.Type == phd.ActionTransfer && len(call.Info) == 2:
		reply.Op, reply.Info = phd.OpActionResult, append(append([]byte(nil), call.Info...), 0, 0)
		if err := a.write(&phd.APDU{Choice: phd.ChoicePRST, Call: reply}); err != nil {
			return err
		}
		return a.transfer()
	case call.Op == phd.OpActionConfirmed && call.Handle == storeHandle && call.Type == phd.ActionClear:
		a.Cleared, a.Store = append(a.Cleared, segment), nil
		reply.Op = phd.OpActionResult
	default:
		reply = &phd.Call{Invoke: call.Invoke, Op: phd.OpError, Code: phd.ErrNoSuchObject}
	}
	return a.write(&phd.APDU{Choice: phd.ChoicePRST, Call: reply})
}

// set moves the device's clock to what the manager says, in UTC.
func (a *Agent) set(info []byte) {
	two := func(b byte) int { return int(b>>4)*10 + int(b&15) }
	at := time.Date(two(info[0])*100+two(info[1]), time.Month(two(info[2])), two(info[3]), two(info[4]), two(info[5]), two(info[6]), two(info[7])*10_000_000, time.UTC)
	a.Clock = time.Until(at)
}

// attributes are what the device tells of itself.
func (a *Agent) attributes() []phd.Attribute {
	text := func(s string) []byte { return append(phd.U16(uint16(len(s))), s...) }
	production := func(kind uint16, s string) []byte {
		return append(append(phd.U16(kind), 0, 0), text(s)...)
	}
	spec := append(production(1, a.Serial), production(5, "2.1.0")...)
	return []phd.Attribute{
		{ID: phd.AttrSystemID, Value: text(string(a.System[:]))},
		{ID: phd.AttrModel, Value: append(text("Thalamus Simulation"), text(a.Device.Model)...)},
		{ID: phd.AttrProduction, Value: append(append(phd.U16(2), phd.U16(uint16(len(spec)))...), spec...)},
		{ID: phd.AttrSpecialisation, Value: append([]byte{0, 1, 0, 4}, append(phd.U16(a.Device.Profile), 0, 1)...)},
		{ID: phd.AttrConfigID, Value: phd.U16(a.Device.configuration(len(a.Store) > 0).ID)},
		{ID: phd.AttrTimeAbs, Value: phd.AbsoluteTime(a.Now().UTC())},
		{ID: phd.AttrTimeInfo, Value: []byte{0xC0, 0x10, 0x1F, 0, 0, 0, 0, 0, 0x03, 0xE8, 0, 0, 0, 0, 0, 0}}, // a clock that the manager sets
		{ID: phd.AttrBattery, Value: phd.U16(87)},
	}
}

// describe is the one segment.
func (a *Agent) describe() phd.Segment {
	layout := phd.SegmentMap{Header: phd.HeaderAbsolute}
	for _, o := range a.Device.configuration(false).Objects {
		m, err := phd.ValueMap(o.Get(phd.AttrValueMap))
		if err != nil {
			continue
		}
		kept := m[:0:0]
		for _, e := range m {
			if e.ID != phd.AttrStampAbs {
				kept = append(kept, e)
			}
		}
		kind := o.Get(phd.AttrType)
		layout.Elements = append(layout.Elements, phd.SegmentElement{Class: o.Class, Partition: binary.BigEndian.Uint16(kind), Code: binary.BigEndian.Uint16(kind[2:]), Handle: o.Handle, Map: kept})
	}
	usage := binary.BigEndian.AppendUint32(nil, uint32(len(a.Store)))
	return phd.Segment{Instance: segment, Attributes: []phd.Attribute{{ID: phd.AttrInstance, Value: phd.U16(segment)}, {ID: phd.AttrSegmentMap, Value: layout.Bytes()}, {ID: phd.AttrSegmentUsage, Value: usage}}}
}

// transfer sends what is stored, part by part, each after the one before was
// confirmed.
func (a *Agent) transfer() error {
	for from := 0; from < len(a.Store); from += perPart {
		part := a.Store[from:min(from+perPart, len(a.Store))]
		e := &phd.SegmentEvent{SegmentDescription: phd.SegmentDescription{Instance: segment, Index: uint32(from), Count: uint32(len(part))}}
		if from == 0 {
			e.Status |= phd.SegmentFirst
		}
		if from+len(part) == len(a.Store) {
			e.Status |= phd.SegmentLast
		}
		for _, s := range part {
			e.Entries = append(e.Entries, phd.AbsoluteTime(s.At.UTC())...)
			for _, v := range a.Device.values(s.Vitals) {
				e.Entries = append(e.Entries, v...)
			}
		}
		reply, err := a.Event(phd.NotiSegment, storeHandle, e.Bytes())
		if err != nil {
			return err
		}
		if d, err := phd.ParseSegmentResult(reply); err != nil || d.Status&phd.SegmentConfirmed == 0 {
			return errRefused
		}
	}
	return nil
}
