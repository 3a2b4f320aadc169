package app_test

import (
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/service"
)

// TestRenameKeepsTheLink: another name or zone of a channel cuts no device
// off; another setting of its driver does.
func TestRenameKeepsTheLink(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	before := h.App.ChannelAddress("ward")
	var ward register.Versioned[model.Channel]
	h.Call("channel.get", service.ID{ID: "ward"}, &ward)
	ward.Value.Name, ward.Value.Zone = "Devices at the bed", "Europe/Berlin"
	h.Call("channel.put", service.Put[model.Channel]{Value: ward.Value, Reason: "test"}, nil)
	if after := h.App.ChannelAddress("ward"); after != before || before == "" {
		t.Errorf("the link moved from %s to %s", before, after)
	}
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-1^^^HOSP^MR\rOBR|1\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|70|/min|||||F\r")
	var list []service.ChannelRow
	h.Call("channel.list", nil, &list)
	if len(list) != 1 || list[0].Name != "Devices at the bed" {
		t.Errorf("%+v", list)
	}
	ward.Value.Settings["idle_timeout"] = "9m"
	h.Call("channel.put", service.Put[model.Channel]{Value: ward.Value, Reason: "test"}, nil)
	if after := h.App.ChannelAddress("ward"); after == before {
		t.Error("another setting is not in force")
	}
}
