package profile

import (
	"strings"
	"testing"

	"thalamus/internal/model"
)

// A device may be named by its topic alone.
func TestTopicPath(t *testing.T) {
	text := strings.NewReplacer("each: $.obs[*]\n", "", "serial: $.sn", `serial: [$.sn, "$topic[1]"]`).Replace(monitor)
	p := parse(t, text, labels)
	doc, err := Document("json", []byte(`{"name":"HR","v":61,"u":"/min"}`))
	if err != nil {
		t.Fatal(err)
	}
	for topic, serial := range map[string]string{"ward/dev-7/vitals": "dev-7", "ward": "", "": ""} {
		messages, err := p.Read(doc, model.Message{Codec: "json", Topic: topic})
		if err != nil || len(messages) != 1 {
			t.Fatalf("%v %+v", err, messages)
		}
		got := ""
		if len(messages[0].Devices) > 0 {
			got = messages[0].Devices[0].Serial
		}
		if got != serial {
			t.Errorf("topic %q: serial %q", topic, got)
		}
	}
}
