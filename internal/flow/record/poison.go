package record

import (
	"context"
	"slices"

	"thalamus/internal/clock"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// A message that can never be recorded as it is must not stop those behind it:
// it is in the journal, it is recorded as far as it can be, and an issue says
// so. What a disk or a register as a whole cannot do stops the stage instead,
// because no message is to blame for it.

const codeUnplaced = "record.unplaced"

// place gives a message its devices, its patient and its decisions.
func (s *Stage) place(ctx context.Context, m *model.Message) error {
	s.window.begin(m)
	if slices.ContainsFunc(m.Issues, func(i model.Issue) bool { return i.Code == codeUnplaced }) {
		return nil // by an earlier try
	}
	err := guarded(func() error {
		if err := s.devices.Sight(ctx, m); err != nil {
			return err
		}
		known := len(m.Issues)
		s.window.begin(m)
		s.window.find(anything)
		before := s.clocks.mark(m)
		s.clocks.feed(m, s.o.Clock)
		if err := s.patients.Resolve(ctx, m); err != nil {
			return err
		}
		if s.window.verify(m) {
			s.clocks.back(before)
			clock.Restore(m)
			clock.Forget(m)
			s.clocks.feed(m, s.o.Clock)
		}
		s.window.contradict(m)
		Conclude(m, s.lives.batch, s.o.Names)
		m.Routed = s.router.Decide(m)
		s.window.share(m)
		if more := len(m.Issues) - known; more > 0 {
			s.noticed = append(s.noticed, noticed{m, more})
		}
		return nil
	})
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case isDefect(err):
	case fault.KindOf(err) == fault.Transient, fault.KindOf(err) == fault.Broken:
		return err
	}
	s.window.undo()
	m.Routed, m.Duplicate = nil, model.MessageRef{}
	m.Issues = append(m.Issues, model.Issue{Code: codeUnplaced, Severity: model.Error, Received: fault.CodeOf(err),
		Text: "device, patient or routes of the message could not be worked out; it was recorded and goes to nobody",
		Hint: "report it with the entry's number; replay the entry when it is mended"})
	return nil
}

// commit hands a batch to the store.
func (s *Stage) commit(ctx context.Context, b Batch) error {
	return guarded(func() error { return s.store.Commit(ctx, b) })
}

// around records entries one of which cannot be committed: in halves, until it
// is alone; of that one only what the envelope says is recorded.
func (s *Stage) around(ctx context.Context, entries []Entry, why error) error {
	if half := len(entries) / 2; half > 0 {
		if err := s.try(ctx, entries[:half]); err != nil {
			return err
		}
		return s.try(ctx, entries[half:])
	}
	messages := entries[0].Messages
	if slices.ContainsFunc(messages, isBare) {
		return why
	}
	for _, m := range messages {
		*m = bare(m)
		m.Issues = []model.Issue{{Code: "record.unkept", Severity: model.Error, Received: fault.CodeOf(why),
			Text: "the message could not be recorded; only its envelope was, its bytes are in the journal, and it goes to nobody",
			Hint: "report it with the entry's number"}}
	}
	return s.try(ctx, entries)
}

func isBare(m *model.Message) bool {
	return slices.ContainsFunc(m.Issues, func(i model.Issue) bool { return i.Code == "record.unkept" })
}

// bare is what is known of a message without having read it.
func bare(m *model.Message) model.Message {
	return model.Message{
		Ref: m.Ref, Channel: m.Channel, Codec: m.Codec, Peer: m.Peer, Identity: m.Identity,
		Type: m.Type, ControlID: m.ControlID, Sender: m.Sender, Arrived: m.Arrived,
	}
}

// guarded turns a panic into a fault: a defect must not end the server, which
// would meet the same message at its next start.
func guarded(work func() error) (err error) {
	defer func() {
		if x := recover(); x != nil {
			// Its text may hold a patient's data; its type does not.
			err = fault.New(fault.Broken, "record.defect", "Thalamus has a defect (%T) that this message shows; report it", x)
		}
	}()
	return work()
}

func isDefect(err error) bool { return fault.CodeOf(err) == "record.defect" }

// blames says whether an error of the store may be a message's fault.
func blames(err error) bool {
	switch fault.CodeOf(err) {
	case "record.defect", "record.broken":
		return true
	}
	return fault.KindOf(err) == fault.Invalid
}
