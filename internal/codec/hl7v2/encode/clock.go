package encode

import (
	"strconv"
	"strings"

	"thalamus/internal/model"
)

// clockOf is a clock whose times were corrected, by whom they are from.
type clockOf struct {
	device              int
	offset, uncertainty int64
}

// clocks writes what the clocks of corrected times said (R16), once for each
// device: the device's time as value of MDC_ATTR_TIME_ABS whose OBX-14 is the
// corrected time, as PCD-01 senders of the Continua guidelines write a
// coincident time stamp, and how far that may be off as MDC_TIME_SYNC_ACCURACY
// in microseconds (ISO/IEEE 11073-20601 Mds-Time-Info). OBX-14 of everything
// is the corrected time, so the difference holds for all of the device.
func (w *writer) clocks() {
	var told []clockOf
	tell := func(t *model.Timestamp, device int, sub string) {
		c := clockOf{device, t.ClockOffsetNS, t.UncertaintyNS}
		if !t.Corrected() || t.UTC.IsZero() {
			return
		}
		for _, other := range told {
			if other == c {
				return
			}
		}
		told = append(told, c)
		w.clock(t, device, root(sub))
	}
	for i := range w.m.Observations {
		o := &w.m.Observations[i]
		tell(&o.DeviceTime, o.Device, o.SubID)
	}
	for i := range w.m.Waveforms {
		f := &w.m.Waveforms[i]
		tell(&f.DeviceTime, f.Device, f.SubID)
	}
}

func (w *writer) clock(t *model.Timestamp, device int, root string) {
	w.begin("DTM", model.Code{RefID: "MDC_ATTR_TIME_ABS", MDC: 67975}, model.Coding{}, w.free(root))
	w.Field(5, instant(t.Clock()))
	w.Field(11, "R")
	w.Field(14, instant(t.UTC))
	w.equipment(device)
	w.begin("NM", model.Code{RefID: "MDC_TIME_SYNC_ACCURACY", MDC: 68221}, model.Coding{}, w.free(root))
	w.Field(5, Number(model.Decimal{Coef: t.UncertaintyNS, Exp: -3}))
	w.Field(6, "us", "", "UCUM")
	w.Field(11, "R")
	w.equipment(device)
}

// root is the first part of a containment, "1" of "1.2.3.4".
func root(sub string) string {
	r, _, _ := strings.Cut(sub, ".")
	if r == "" {
		return "1"
	}
	return r
}

// free is a containment of a device's attribute that nothing else has.
func (w *writer) free(root string) string {
	for w.attributes++; ; w.attributes++ {
		sub := root + ".0.0." + strconv.Itoa(w.attributes)
		used := false
		for i := range w.m.Observations {
			used = used || w.m.Observations[i].SubID == sub
		}
		for i := range w.m.Waveforms {
			used = used || w.m.Waveforms[i].SubID == sub
		}
		if !used {
			return sub
		}
	}
}
