package phd

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"thalamus/internal/codec/phd"
)

// store is a PM-store of the device whose segments are being taken (§8.9.3.4).
type store struct {
	handle     uint16
	attributes []byte // the answers of the device, as they came
	segments   []byte
	under      *transfer // the segment on its way
	expires    time.Time // when its next part must have come
}

// transfer is one segment on its way.
type transfer struct {
	instance uint16
	next     uint32 // entry that must come
	begun    bool
}

// askStores asks each store of the configuration what it holds.
func (c *conn) askStores() {
	if !c.d.settings.Transfer || c.objects == nil {
		return
	}
	for i := range c.objects.Objects {
		if o := &c.objects.Objects[i]; o.Class == phd.ClassStore {
			handle := o.Handle
			c.queue = append(c.queue, func(c *conn) { c.askStore(handle) })
		}
	}
}

func (c *conn) askStore(handle uint16) {
	st := &store{handle: handle}
	if c.stores == nil {
		c.stores = map[uint16]*store{}
	}
	c.stores[handle] = st
	c.ask(&phd.Call{Op: phd.OpGet, Handle: handle}, "what its store can do", c.d.settings.ResponseTimeout, func(c *conn, call *phd.Call, raw []byte) {
		if call == nil {
			return
		}
		st.attributes = slices.Clone(raw)
		c.queue = append([]func(*conn){func(c *conn) { c.askSegments(st) }}, c.queue...)
	})
}

// askSegments gets the descriptions of all segments; nothing can be read
// without them.
func (c *conn) askSegments(st *store) {
	c.ask(&phd.Call{Op: phd.OpActionConfirmed, Handle: st.handle, Type: phd.ActionSegmentInfo, Info: phd.AllSegments()}, "what it has stored", c.d.settings.TransferTimeout,
		func(c *conn, call *phd.Call, raw []byte) {
			if call == nil {
				c.note("phd.store", "the device does not tell what it has stored", "What it stored is not taken.")
				return
			}
			all, err := phd.ParseSegments(call.Info)
			if err != nil {
				c.note("phd.malformed", "the description of what a device stored contradicts itself: "+err.Error(), "What it stored is not taken.")
				return
			}
			st.segments = slices.Clone(raw)
			var ask []func(*conn)
			for _, s := range all {
				if !empty(s) {
					ask = append(ask, func(c *conn) { c.askTransfer(st, s.Instance) })
				}
			}
			c.queue = append(ask, c.queue...)
		})
}

// empty says whether a segment tells that it has no entries.
func empty(s phd.Segment) bool {
	for _, a := range s.Attributes {
		if a.ID == phd.AttrSegmentUsage && len(a.Value) == 4 {
			return binary.BigEndian.Uint32(a.Value) == 0
		}
	}
	return false
}

// askTransfer triggers the transfer of a segment (§8.9.3.4.3).
func (c *conn) askTransfer(st *store, instance uint16) {
	st.under, st.expires = &transfer{instance: instance}, time.Now().Add(c.d.settings.TransferTimeout)
	c.ask(&phd.Call{Op: phd.OpActionConfirmed, Handle: st.handle, Type: phd.ActionTransfer, Info: phd.U16(instance)}, "a stored segment", c.d.settings.TransferTimeout,
		func(c *conn, call *phd.Call, _ []byte) {
			if call == nil || len(call.Info) != 4 {
				st.under = nil
				c.note("phd.store", "the device does not give a stored segment", "It is asked again at its next connection.")
				return
			}
			switch result := binary.BigEndian.Uint16(call.Info[2:]); result {
			case 0:
				if st.under != nil { // what comes next waits for the last part
					c.pending = &request{invoke: noInvoke, what: "a stored segment", expires: farFuture}
				}
			case 3: // it is empty
				st.under = nil
			default:
				st.under = nil
				c.note("phd.store", fmt.Sprintf("the device does not give a stored segment (result %d)", result), "It is asked again at its next connection.")
			}
		})
}

// noInvoke stands for a wait that no answer ends, only the last part of a
// segment: numbers of requests begin at 0 and never come near it.
const noInvoke = 0xFFFF

var farFuture = time.Unix(1<<40, 0)

// segment takes a part of a segment, makes it durable and confirms it
// (§8.9.3.4.2). Parts come in order; one that does not fit is refused, and the
// device ends the transfer.
func (c *conn) segment(call *phd.Call, raw []byte) error {
	e, err := phd.ParseSegmentEvent(call.Info)
	if err != nil {
		return c.malformed(raw, err)
	}
	confirmed := call.Op == phd.OpEventConfirmed
	st := c.stores[call.Handle]
	reply := e.SegmentDescription
	if st == nil || st.under == nil || st.under.instance != e.Instance || st.under.begun && e.Index != st.under.next || e.Status&phd.SegmentAborted != 0 {
		if e.Status&phd.SegmentAborted != 0 {
			c.note("phd.store", "the device ended the transfer of a stored segment", "It keeps the segment and is asked again at its next connection.")
		} else {
			c.lost("phd.order", "a part of a stored segment came out of its order and was refused", "The device keeps the segment and is asked again at its next connection.")
		}
		reply.Status |= phd.SegmentRefused
		return c.endTransfer(st, call, confirmed, &reply)
	}
	context := c.context()
	for _, more := range [][]byte{st.attributes, st.segments} {
		if more != nil {
			context = append(context, more)
		}
	}
	if err := c.offer(raw, context...); err != nil {
		return c.refusedBy(err, call.Invoke, confirmed)
	}
	c.d.reports.Add(1)
	st.under.begun, st.under.next = true, e.Index+e.Count
	st.expires = time.Now().Add(c.d.settings.TransferTimeout)
	reply.Status |= phd.SegmentConfirmed
	if e.Status&phd.SegmentLast == 0 {
		return c.resultIf(confirmed, call, reply.Bytes())
	}
	if c.d.settings.Clear {
		c.queue = append([]func(*conn){func(c *conn) { c.clear(st, e.Instance) }}, c.queue...)
	}
	return c.endTransfer(st, call, confirmed, &reply)
}

func (c *conn) resultIf(confirmed bool, call *phd.Call, info []byte) error {
	if !confirmed {
		return nil
	}
	return c.result(call, info)
}

// endTransfer answers and lets the next request go.
func (c *conn) endTransfer(st *store, call *phd.Call, confirmed bool, reply *phd.SegmentDescription) error {
	if st != nil && st.under != nil {
		st.under = nil
		if c.pending != nil && c.pending.invoke == noInvoke {
			c.pending = nil
		}
	}
	if err := c.resultIf(confirmed, call, reply.Bytes()); err != nil {
		return err
	}
	return c.next()
}

// clear deletes a segment on the device, after all of it is durable and only
// where the channel says so.
func (c *conn) clear(st *store, instance uint16) {
	c.ask(&phd.Call{Op: phd.OpActionConfirmed, Handle: st.handle, Type: phd.ActionClear, Info: phd.OneSegment(instance)}, "deleting a segment", c.d.settings.TransferTimeout,
		func(c *conn, call *phd.Call, _ []byte) {
			if call == nil {
				c.note("phd.store", "the device does not delete a segment that was taken", "It will send it again; what is known already is recognised.")
			}
		})
}
