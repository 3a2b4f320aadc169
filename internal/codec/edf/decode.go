package edf

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "edf"

// Codec reads EDF and EDF+ files as messages (R10). The zero value is ready.
type Codec struct{}

var _ codec.Codec = Codec{}

// Name is "edf".
func (Codec) Name() string { return Name }

// Decode gives one message: the signals as waveforms, one for each run without
// a gap between data records, annotations as notes. Whose it is and what made
// it, EDF+ says in its identifications (EDF+ §2.1.3.3–4); of plain EDF, whose
// identifications have no form, the name of the file may say it.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	if e.Redacted {
		return codec.Redacted(e, Name)
	}
	m := codec.Filed(e, Name)
	m.Type = "EDF"
	f, err := Read(e.Bytes)
	if err != nil {
		var why *fault.Fault
		if errors.As(err, &why) {
			return codec.Unread(m, why.Code, why.Place, why.Text)
		}
		return codec.Unread(m, "edf.header", "", err.Error())
	}
	if f.Kind != "" {
		m.Type = strings.Fields(f.Kind + " EDF")[0]
	}
	if strings.HasPrefix(f.Kind, "EDF+") {
		f.who(&m)
	}
	m.DeviceTime = model.Timestamp{Original: f.Start.Format("2006-01-02T15:04:05"), Format: "iso"}
	for i := range f.Signals {
		f.waveforms(&m, i)
	}
	for _, n := range f.Notes {
		if !strings.HasPrefix(n.Text, missingText) {
			m.Notes = append(m.Notes, fmt.Sprintf("%s s: %s", seconds(n.At), n.Text))
		}
	}
	return []model.Message{m}
}

// who reads the identifications of EDF+: code sex birthdate name, and
// Startdate date code technician equipment; X is nothing, _ a blank.
func (f *File) who(m *model.Message) {
	part := strings.Fields(f.Patient)
	if len(part) > 0 && said(part[0]) != "" && m.Patient == nil {
		p := &model.Patient{Identifiers: []model.Identifier{{Value: said(part[0])}}}
		if len(part) > 1 && (part[1] == "F" || part[1] == "M") {
			p.Sex = part[1]
		}
		if len(part) > 3 {
			p.Family = said(part[3])
		}
		m.Patient = p
	}
	if part = strings.Fields(f.Recording); len(part) > 4 && part[0] == "Startdate" && said(part[4]) != "" && len(m.Devices) == 0 {
		m.Devices = []model.Device{{Field: "recording", Model: said(part[4]), Parent: -1}}
	}
}

func said(s string) string {
	if s == "X" {
		return ""
	}
	return strings.ReplaceAll(s, "_", " ")
}

// waveforms adds the runs of a signal.
func (f *File) waveforms(m *model.Message, at int) {
	s := &f.Signals[at]
	place := fmt.Sprintf("signal[%d]", at+1)
	if s.Per == 0 || f.RecordNS == 0 || len(f.Times) == 0 {
		return
	}
	scale, exact := model.DecimalOf(s.Step)
	origin, exactly := model.DecimalOf(s.Zero)
	if !exact || !exactly {
		m.Issues = append(m.Issues, model.Issue{Code: "edf.rounded", Severity: model.Warning, Field: place,
			Text: "the ends that the header gives make steps of no exact decimal; they were rounded to fifteen digits", Hint: "nothing: the samples are as they came"})
	}
	device := -1
	if len(m.Devices) > 0 {
		device = 0
	}
	for from := 0; from < len(f.Times); {
		until := from + 1
		for until < len(f.Times) && f.Times[until]-f.Times[until-1] == f.RecordNS {
			until++
		}
		w := model.Waveform{
			Field: place, Received: model.Coding{Code: s.Label, Text: s.Transducer}, UnitSent: model.Coding{Code: s.Dimension},
			PeriodNS: (f.RecordNS + int64(s.Per)/2) / int64(s.Per), Origin: origin, Scale: scale,
			Samples: s.Samples[from*s.Per : until*s.Per : until*s.Per], Device: device, Status: model.StatusFinal,
		}
		start := f.Start.Add(time.Duration(f.Times[from]))
		w.DeviceTime = model.Timestamp{Original: start.Format("2006-01-02T15:04:05.999999999"), Format: "iso"}
		m.Waveforms = append(m.Waveforms, w)
		from = until
	}
}
