package ward

import (
	"strconv"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// connectPage is the page on which devices are connected to patients, with a
// scanner that types: the wristband, return, the device, return. The first
// return leads to the second field because that one is needed; no script.
type connectPage struct {
	Open    []service.Connection
	Past    []service.Connection
	Next    string
	Devices []ui.Option // to attach what they measured
	Now     time.Time
}

func connectView(v *ui.Visit) (ui.View, error) {
	p := connectPage{Now: time.Now()}
	var open, past service.List[service.Connection]
	if err := v.Call("association.list", service.AssociationAsk{Open: true, Limit: 200}, &open); err != nil {
		return ui.View{}, err
	}
	after := v.Query("after")
	if err := v.Call("association.list", service.AssociationAsk{After: after, Limit: 50}, &past); err != nil {
		return ui.View{}, err
	}
	p.Open, p.Next = open.Rows, past.Next
	for _, c := range past.Rows {
		if !c.Until.IsZero() {
			p.Past = append(p.Past, c)
		}
	}
	if v.May("association.attach") && v.May("device.list") {
		var devices service.List[service.DeviceRow]
		if err := v.Call("device.list", service.DeviceAsk{Limit: 500}, &devices); err != nil {
			return ui.View{}, err
		}
		p.Devices = []ui.Option{{Value: "", Text: ui.T(v.Context(), "Choose a device")}}
		for _, d := range devices.Rows {
			name := d.Name
			if name == "" {
				name = d.Manufacturer + " " + d.Model + " " + string(d.ID)
			}
			p.Devices = append(p.Devices, ui.Option{Value: string(d.ID), Text: name})
		}
	}
	return ui.View{Title: ui.T(v.Context(), "Connect"), Body: connectBody(p), Styles: []string{"ward.css"}}, nil
}

// connect takes what was scanned.
func connect(v *ui.Visit) (ui.Done, error) {
	ask := service.AssociationStart{Wristband: v.Typed("wristband"), Barcode: v.Typed("barcode"), New: v.Typed("new") != ""}
	var c service.Connection
	if err := v.Call("association.start", ask, &c); err != nil {
		return ui.Done{}, err
	}
	toast := &ui.Toast{Text: ui.T(v.Context(), "%s is connected.", c.DeviceName)}
	if v.May("association.end") {
		toast.Undo, toast.With = "/connect/undo", map[string]string{"id": strconv.FormatInt(c.ID, 10)}
	}
	return ui.Done{To: "/connect", Toast: toast}, nil
}

// undoConnect takes a connection back: it never was.
func undoConnect(v *ui.Visit) (ui.Done, error) {
	id, err := connectionID(v)
	if err != nil {
		return ui.Done{}, err
	}
	err = v.Call("association.end", service.AssociationEnd{ID: id, At: time.Unix(1, 0), Reason: ui.T(v.Context(), "Connection taken back at once")}, nil)
	return ui.Done{To: "/connect", Toast: &ui.Toast{Text: ui.T(v.Context(), "The connection is taken back.")}}, err
}

func endConnection(v *ui.Visit) (ui.Done, error) {
	id, err := connectionID(v)
	if err != nil {
		return ui.Done{}, err
	}
	var c service.Connection
	if err := v.Call("association.end", service.AssociationEnd{ID: id}, &c); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/connect", Toast: &ui.Toast{Text: ui.T(v.Context(), "%s is not connected any more.", c.DeviceName)}}, nil
}

func connectionID(v *ui.Visit) (int64, error) {
	id, err := strconv.ParseInt(v.Typed("id"), 10, 64)
	if err != nil {
		return 0, fault.New(fault.Invalid, "service.argument", "the number of a connection is missing").At("id")
	}
	return id, nil
}

// attach gives what a device measured in a span to the patient of a wristband.
func attach(v *ui.Visit) (ui.Done, error) {
	from, err := typedTime(v, "from", true)
	if err != nil {
		return ui.Done{}, err
	}
	until, err := typedTime(v, "until", false)
	if err != nil {
		return ui.Done{}, err
	}
	if v.Typed("device") == "" {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "choose a device").At("device")
	}
	ask := service.AssociationAttach{Device: model.DeviceID(v.Typed("device")), Wristband: v.Typed("band"), From: from, Until: until, Reason: v.Typed("reason")}
	if err := v.Call("association.attach", ask, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/connect", Toast: &ui.Toast{Text: ui.T(v.Context(), "The values are attached; destinations are being told.")}}, nil
}

// typedTime reads a field of kind datetime-local, in the reader's zone.
func typedTime(v *ui.Visit, field string, needed bool) (time.Time, error) {
	text := v.Typed(field)
	if text == "" && !needed {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, v.Zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, "service.argument", "give a date and a time").At(field)
}
