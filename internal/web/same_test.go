package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/service"
)

// R18: the message page leads from a repeat to the message that brought it
// first, and back.
func TestMessageSays(t *testing.T) {
	h := apptest.Start(t)
	h.Call("config.apply", service.ConfigText{Name: "ward.yaml", Text: h.Ward(), Reason: "test"}, nil)
	stamp := time.Now().UTC().Add(-time.Minute).Format("20060102150405") + "+0000"
	const eui = "0003B1FFFE00AB02^^0003B1FFFE00AB02^EUI-64"
	first := h.Send("ORU^R01^ORU_R01", "OBR|1|||X^Vitals^L|||"+stamp+"\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC||72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||"+stamp+"||||"+eui+"\r")
	h.Sender = "CENTRAL"
	again := h.Send("ORU^R01^ORU_R01", "OBR|1|||X^Vitals^L|||"+stamp+"\rOBX|1|NM|8867-4^Heart rate^LN||72|{beats}/min^^UCUM|||||F|||"+stamp+"||||"+eui+"\r")
	r := signedIn(t, h, "erna", "engineer")
	r.get(fmt.Sprintf("/messages/%d", again)).want(t, 200, "The same over another path", "All of it came before over another path", fmt.Sprintf(`href="/messages/%d"`, first), "It came before, and this destination was owed it then.")
	p := r.get(fmt.Sprintf("/messages/%d", first))
	p.want(t, 200, "Came again as", fmt.Sprintf(`href="/messages/%d"`, again))
	if strings.Contains(p.body, "The same as") {
		t.Error("the first message is called a repeat")
	}
	r.get("/channels/ward").want(t, 200, "1 value that came before over another path")
}
