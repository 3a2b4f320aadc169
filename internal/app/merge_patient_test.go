package app_test

import (
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// whose gives the patient of a message as it is known now.
func whose(h *apptest.House, seq model.Seq) model.PatientID {
	var page service.MessagePage
	h.Call("message.get", service.Ref{Seq: seq}, &page)
	if page.Message.Patient == nil {
		return ""
	}
	return page.Message.Patient.ID
}

// Who is connected to a device by another name of it is connected to the
// device: what it measures from then on is that patient's, and not still the
// one's before (R20, R30).
func TestConnectedByAnotherName(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	known := h.Stranger("MON-7", "60")
	h.Call("device.adopt", service.DeviceAct{ID: known, Reason: "test"}, nil)
	stranger := h.Stranger("NEW-8", "61")
	h.Call("association.start", service.AssociationStart{Wristband: "MRN-774411", Device: known}, nil)
	h.Call("device.merge", service.DeviceMerge{DeviceAct: service.DeviceAct{ID: stranger, Reason: "new network card"}, Into: known}, nil)
	var c service.Connection
	h.Call("association.start", service.AssociationStart{Wristband: "MRN-885522", Device: stranger}, &c)
	if c.Device != known {
		t.Errorf("the connection is of %s, not of the device %s that it is", c.Device, known)
	}
	var who []service.Bearer
	h.Call("association.get", service.BearerAsk{Devices: []model.DeviceID{stranger}}, &who)
	if len(who) != 1 || who[0].Patient != c.Patient {
		t.Errorf("%+v are on it", who)
	}
	at := time.Now().Add(2 * time.Second).UTC() // a second of its own after the change
	h.Until("the second is over", func() bool { return time.Now().After(at) })
	if got := whose(h, h.Measure("NEW-8", "70")); got != c.Patient {
		t.Errorf("the value is %q's, not %q's", got, c.Patient)
	}
}

// What a stranger measured while a patient was connected to it is not taken
// from that patient by making it another name of a known device (R20).
func TestConnectedBeforeTheMerge(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	known := h.Stranger("MON-7", "60")
	h.Call("device.adopt", service.DeviceAct{ID: known, Reason: "test"}, nil)
	stranger := h.Stranger("NEW-8", "61")
	var c service.Connection
	h.Call("association.start", service.AssociationStart{Wristband: "MRN-774411", Device: stranger}, &c)
	at := time.Now().Add(2 * time.Second)
	h.Until("the second is over", func() bool { return time.Now().After(at) })
	seq := h.Measure("NEW-8", "70")
	if got := whose(h, seq); got != c.Patient {
		t.Fatalf("the value is %q's, not %q's", got, c.Patient)
	}
	at = time.Now().Add(2 * time.Second)
	h.Until("the second is over", func() bool { return time.Now().After(at) })
	h.Call("association.end", service.AssociationEnd{ID: c.ID, Reason: "test"}, nil)
	merge := service.DeviceMerge{DeviceAct: service.DeviceAct{ID: stranger, Reason: "new network card"}, Into: known}
	refused(t, h, "device.merge", merge, "service.connected")
	h.Call("association.attach", service.AssociationAttach{Device: known, Patient: c.Patient, From: c.From, Reason: "one machine"}, nil)
	h.Call("association.end", service.AssociationEnd{ID: c.ID, At: c.From, Reason: "one machine"}, nil)
	h.Call("device.merge", merge, nil)
	h.Until("it is that patient's", func() bool { return whose(h, seq) == c.Patient })
}
