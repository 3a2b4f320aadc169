package register_test

import (
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// TestBlockRefusals (R11): what a block cannot mean is refused, changes
// nothing, and the text says what to do.
func TestBlockRefusals(t *testing.T) {
	mark := register.Mark{By: "usr-a", At: morning.Add(time.Hour), Change: "chg"}
	block := func(h *house, tx register.Tx, id model.DeviceID, until time.Time, at register.Mark) error {
		_, err := h.Block(t.Context(), tx, register.BlockAsk{ID: id, Expect: register.AnyVersion, Reason: "test", Until: until}, at)
		return err
	}
	unblock := func(h *house, tx register.Tx, id model.DeviceID, send bool, at register.Mark) error {
		_, err := h.Unblock(t.Context(), tx, id, send, register.AnyVersion, at)
		return err
	}
	later := register.Mark{By: "usr-a", At: mark.At.Add(time.Hour), Change: "chg2"}
	type step func(h *house, tx register.Tx, id model.DeviceID) error
	for _, c := range []struct {
		name        string
		before, ask step
		code, words string
		blocked     bool // afterwards
	}{
		{"nobody", nil, func(h *house, tx register.Tx, _ model.DeviceID) error {
			return block(h, tx, "dev-none", time.Time{}, mark)
		}, "register.no-device", "list the devices", false},
		{"over before it begins", nil, func(h *house, tx register.Tx, id model.DeviceID) error { return block(h, tx, id, morning, mark) }, "register.block", "give a time that is to come", false},
		{"ends at the moment it begins", nil, func(h *house, tx register.Tx, id model.DeviceID) error { return block(h, tx, id, mark.At, mark) }, "register.block", "give a time that is to come", false},
		{"another version", nil, func(h *house, tx register.Tx, id model.DeviceID) error {
			_, err := h.Block(t.Context(), tx, register.BlockAsk{ID: id, Expect: 77, Reason: "test"}, mark)
			return err
		}, "register.version", "read it again", false},
		{"twice", func(h *house, tx register.Tx, id model.DeviceID) error { return block(h, tx, id, time.Time{}, mark) },
			func(h *house, tx register.Tx, id model.DeviceID) error { return block(h, tx, id, time.Time{}, later) }, "register.block", "unblock it first", true},
		{"another name", func(h *house, tx register.Tx, id model.DeviceID) error { return merged(t, h, tx, id, mark) },
			func(h *house, tx register.Tx, id model.DeviceID) error { return block(h, tx, id, time.Time{}, later) }, "register.merged", "do it to that one", false},
		{"end of none", nil, func(h *house, tx register.Tx, id model.DeviceID) error { return unblock(h, tx, id, true, mark) }, "register.block", "is not blocked", false},
		{"end of what ended by itself", func(h *house, tx register.Tx, id model.DeviceID) error {
			return block(h, tx, id, mark.At.Add(time.Minute), mark)
		}, func(h *house, tx register.Tx, id model.DeviceID) error { return unblock(h, tx, id, false, later) }, "register.block", "is sent with send, or rejected", false},
		{"end of what somebody ended", func(h *house, tx register.Tx, id model.DeviceID) error {
			if err := block(h, tx, id, time.Time{}, mark); err != nil {
				return err
			}
			return unblock(h, tx, id, false, mark)
		}, func(h *house, tx register.Tx, id model.DeviceID) error { return unblock(h, tx, id, false, later) }, "register.block", "is sent with send, or rejected", false},
		{"again after it ended by itself", func(h *house, tx register.Tx, id model.DeviceID) error {
			return block(h, tx, id, mark.At.Add(time.Minute), mark)
		}, func(h *house, tx register.Tx, id model.DeviceID) error { return block(h, tx, id, time.Time{}, later) }, "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			id := h.hears(t, "1", 1)
			h.hears(t, "2", 1)
			if c.before != nil {
				if err := h.act(t, func(tx register.Tx) error { return c.before(h, tx, id) }); err != nil {
					t.Fatal(err)
				}
			}
			err := h.act(t, func(tx register.Tx) error { return c.ask(h, tx, id) })
			if c.code == "" && err != nil || c.code != "" && (fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.words)) {
				t.Errorf("%v, want %s: %s", err, c.code, c.words)
			}
			if got := h.Blocked(id, later.At, later.At); got != c.blocked {
				t.Errorf("blocked: %v", got)
			}
		})
	}
}

// merged makes a device another name of the other one.
func merged(t testing.TB, h *house, tx register.Tx, id model.DeviceID, mark register.Mark) error {
	into := h.hears(t, "2", 1)
	if _, err := h.Adopt(t.Context(), tx, into, register.AnyVersion, mark); err != nil {
		return err
	}
	_, err := h.Merge(t.Context(), tx, register.MergeAsk{ID: id, Into: into, Expect: register.AnyVersion, Reason: "test", Force: true}, mark)
	return err
}

// TestBlockExpires (R11): a block ends at its time without anybody; what came
// before its end stays until somebody decides, what comes after leaves.
func TestBlockExpires(t *testing.T) {
	h := newHouse(t)
	id, other := h.hears(t, "1", 1), h.hears(t, "2", 1)
	begin := morning.Add(time.Hour)
	end := begin.Add(2 * time.Hour)
	mark := register.Mark{By: "usr-a", At: begin, Change: "chg"}
	if err := h.act(t, func(tx register.Tx) error {
		_, err := h.Block(t.Context(), tx, register.BlockAsk{ID: id, Expect: register.AnyVersion, Reason: "test", Until: end}, mark)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		id           model.DeviceID
		arrived, now time.Time
		want         bool
	}{
		{"came before, asked during", id, begin.Add(-time.Minute), begin.Add(time.Minute), true},
		{"came during", id, begin.Add(time.Hour), begin.Add(time.Hour), true},
		{"the last moment", id, end.Add(-1), end.Add(-1), true},
		{"came during, asked after the end", id, end.Add(-1), end.Add(time.Hour), true},
		{"came at the end", id, end, end, false},
		{"came after the end", id, end.Add(time.Minute), end.Add(time.Minute), false},
		{"another device", other, begin.Add(time.Hour), begin.Add(time.Hour), false},
		{"nobody", "dev-none", begin.Add(time.Hour), begin.Add(time.Hour), false},
	} {
		if got := h.Blocked(c.id, c.arrived, c.now); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if !h.Undecided(id) {
		t.Error("what was set aside is decided by itself")
	}
	if err := h.act(t, func(tx register.Tx) error {
		_, err := h.Unblock(t.Context(), tx, id, true, register.AnyVersion, register.Mark{By: "usr-a", At: end.Add(time.Hour), Change: "chg2"})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if h.Undecided(id) || h.Blocked(id, begin.Add(time.Hour), end.Add(2*time.Hour)) {
		t.Error("sent, it is still kept back")
	}
}
