package wfdb

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "wfdb"

// Codec reads WFDB records as messages (R10). An entry holds a record's files
// in a tar archive, the header first, because a record is several files. The
// zero value is ready.
type Codec struct{}

var _ codec.Codec = Codec{}

// Name is "wfdb".
func (Codec) Name() string { return Name }

// Decode gives one message: the signals of each segment as waveforms, the info
// strings as notes. A record names neither patient nor device; the name of its
// header file may.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	if e.Redacted {
		return codec.Redacted(e, Name)
	}
	m := codec.Filed(e, Name)
	m.Type = "WFDB"
	name, files, err := archive(e.Bytes)
	var r *Record
	if err == nil {
		left := 2 * len(e.Bytes) // segments that name one file over and over end here
		r, err = Read(func(name string) ([]byte, error) {
			if b, ok := files[name]; ok {
				if left -= len(b); left < 0 {
					return nil, fault.New(fault.Invalid, "wfdb.header", "the segments name the same files over and over").At(name)
				}
				return b, nil
			}
			return nil, fault.New(fault.Invalid, "wfdb.missing", "the record's header names a file that did not come with it").At(name)
		}, strings.TrimSuffix(name, ".hea"))
	}
	if err != nil {
		var why *fault.Fault
		if errors.As(err, &why) {
			return codec.Unread(m, why.Code, why.Place, why.Text)
		}
		return codec.Unread(m, "wfdb.header", "", err.Error())
	}
	m.Notes = r.Header.Info
	if !r.Header.Base.IsZero() && r.Header.Base.Year() > 0 {
		m.DeviceTime = model.Timestamp{Original: r.Header.Base.Format(local), Format: "iso"}
	}
	for i := range r.Spans {
		r.waveforms(&m, &r.Spans[i])
	}
	return []model.Message{m}
}

const local = "2006-01-02T15:04:05.999999999"

// archive gives the files of an entry and the name of the first.
func archive(b []byte) (first string, files map[string][]byte, err error) {
	files = map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) && first != "" {
			return first, files, nil
		}
		if err != nil {
			return "", nil, fault.New(fault.Invalid, "wfdb.archive", "the entry is no archive of a record's files")
		}
		content, err := io.ReadAll(r) // bounded by the entry
		if err != nil {
			return "", nil, fault.New(fault.Invalid, "wfdb.archive", "the archive of the record's files breaks off").At(h.Name)
		}
		if first == "" {
			first = h.Name
		}
		files[h.Name] = content
	}
}

// waveforms adds the signals of a segment.
func (r *Record) waveforms(m *model.Message, s *SpanRead) {
	period := int64(1e9/r.Header.Rate + 0.5)
	device := -1
	if len(m.Devices) > 0 {
		device = 0
	}
	for i := range s.Samples {
		line := &s.Header.Signals[i]
		label := line.Label
		if label == "" {
			label = fmt.Sprintf("signal %d", i+1)
		}
		w := model.Waveform{
			Field: fmt.Sprintf("%s signal[%d]", s.Header.Record, i+1), Received: model.Coding{Code: label}, UnitSent: model.Coding{Code: line.Units},
			PeriodNS: period, Origin: line.Origin(), Scale: line.Scale(), Samples: s.Samples[i], Device: device, Status: model.StatusFinal,
		}
		if base := r.Header.Base; m.DeviceTime.Original != "" {
			at := base.Add(time.Duration(float64(s.At) / r.Header.Rate * 1e9))
			w.DeviceTime = model.Timestamp{Original: at.Format(local), Format: "iso"}
		}
		m.Waveforms = append(m.Waveforms, w)
	}
}
