package pack

import (
	"reflect"
	"testing"

	"thalamus/internal/model"
)

// R18: who brought a part first, what is owed without it and the senders' own
// ids of measurements come back.
func TestSame(t *testing.T) {
	first, other := model.MessageRef{Seq: 12}, model.MessageRef{Seq: 4000, Part: 3}
	m := &model.Message{
		Ref:          model.MessageRef{Seq: 4001},
		Observations: []model.Observation{{Field: "OBX[1]", Same: first}, {Field: "OBX[2]"}, {Field: "OBX[3]", Same: other, Instance: "a-1"}},
		Waveforms:    []model.Waveform{{Same: other}, {}},
		Alerts:       []model.Alert{{}, {Same: first}},
		Routed:       []model.Decision{{Destination: "ehr", OnlyNew: true}, {Destination: "lake"}},
	}
	plain := &model.Message{Ref: model.MessageRef{Seq: 4002}, Observations: []model.Observation{{Instance: "b"}}, Routed: []model.Decision{{Destination: "ehr"}, {Destination: "lake"}}}
	press, err := NewPress()
	if err != nil {
		t.Fatal(err)
	}
	dict := NewDict(100)
	b := NewBuilder(press, dict)
	b.Add(m)
	b.Add(plain)
	block, err := press.Open(b.Finish(), dict)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []*model.Message{m, plain} {
		got, err := block.Message(i)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
		}
	}
}
