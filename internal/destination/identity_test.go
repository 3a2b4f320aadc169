package destination

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

func TestID(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 7, time.UTC)
	m := model.Message{Ref: model.MessageRef{Seq: 7, Part: 1}, Channel: "icu", ControlID: "A1", Arrived: at}
	id := Parcel{Message: &m}.ID()
	if again := (Parcel{Message: &m, Attempt: 9}).ID(); again != id {
		t.Errorf("another attempt has the identity %s, the first %s", again, id)
	}
	other := m
	other.Arrived = at.In(time.FixedZone("", 3600))
	if same := (Parcel{Message: &other}).ID(); same != id {
		t.Errorf("the same instant in another zone has the identity %s, not %s", same, id)
	}
	for name, p := range map[string]Parcel{
		"replay":      {Message: &m, Replay: 2},
		"other part":  {Message: &model.Message{Ref: model.MessageRef{Seq: 7}, Channel: "icu", ControlID: "A1", Arrived: at}},
		"other node":  {Message: &model.Message{Ref: m.Ref, Channel: "icu", ControlID: "A1", Arrived: at.Add(1)}},
		"other frame": {Message: &model.Message{Ref: m.Ref, Channel: "icu", ControlID: "A2", Arrived: at}},
	} {
		if p.ID() == id {
			t.Errorf("%s has the same identity %s", name, id)
		}
	}
}

func TestWrappedErrors(t *testing.T) {
	cause := fault.New(fault.Transient, "x", "busy")
	err := error(Down{Later{cause, time.Minute}})
	if !IsDown(err) || NotBefore(err) != time.Minute || fault.KindOf(err) != fault.Transient || !errors.Is(err, cause) {
		t.Errorf("down %v, not before %v, kind %v", IsDown(err), NotBefore(err), fault.KindOf(err))
	}
	if IsDown(cause) || NotBefore(cause) != 0 {
		t.Error("a plain fault is neither down nor later")
	}
}

func TestAppendLine(t *testing.T) {
	m := model.Message{Ref: model.MessageRef{Seq: 7}, Type: "ORU^R01"}
	p := Parcel{Message: &m, Replay: 3}
	b, err := p.AppendLine([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	var line struct {
		model.Message
		DeliveryID string
		Replay     int
	}
	if b[0] != 'x' || b[len(b)-1] != '\n' || bytes.Count(b, []byte("\n")) != 1 {
		t.Errorf("line %q", b)
	}
	if err := json.Unmarshal(b[1:], &line); err != nil {
		t.Fatal(err)
	}
	if line.DeliveryID != p.ID() || line.Replay != 3 || line.Ref != m.Ref || line.Type != m.Type {
		t.Errorf("line %+v", line)
	}
}
