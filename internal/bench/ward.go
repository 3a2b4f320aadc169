package bench

import (
	"context"
	"fmt"
	"os"
	"time"

	"thalamus/internal/builtin"
	"thalamus/internal/flow"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/sim"
	"thalamus/internal/store/sqlite/recorddb"
)

// bedsOfWard is how many monitors send from the ward whose record is made.
const bedsOfWard = 20

// ward is a ward whose monitors sent over days.
type ward struct {
	name         string
	begins, ends time.Time
	messages     int64
	bytes        int // of a message
	observed     int // of a message
	beds         [][]*template
}

// newWard plans as many messages as are asked for, evenly over days that are
// over.
func newWard(o Options) *ward {
	w := &ward{ends: time.Now().UTC().Truncate(24 * time.Hour), messages: int64(o.Messages)}
	w.begins = w.ends.AddDate(0, 0, -o.Days)
	for _, bed := range beds(bedsOfWard) {
		w.name = bed.Ward
		w.beds = append(w.beds, templates(bed, sim.NewTerms(), o.Size, nil))
	}
	w.bytes, w.observed = w.beds[0][0].bytes(), w.beds[0][0].observations()
	return w
}

// record makes the ward's record in a folder, as if all had arrived day by day:
// each message is read as the server reads it. Its journal stays empty.
func (w *ward) record(ctx context.Context, folder string, progress func(string, float64, float64)) (Stretch, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return Stretch{}, err
	}
	db, err := recorddb.Open(ctx, folder, recorddb.Options{})
	if err != nil {
		return Stretch{}, err
	}
	defer db.Close()
	set, err := profile.NewSet(nil)
	if err != nil {
		return Stretch{}, err
	}
	reader := flow.NewReader(builtin.Codecs(), set)
	reader.Codec.Site, reader.Meaning.Site = time.UTC, time.UTC
	began := time.Now()
	every := w.ends.Sub(w.begins) / time.Duration(w.messages)
	var batch record.Batch
	for n := range w.messages {
		at := w.begins.Add(time.Duration(n) * every)
		bed := int(n % int64(len(w.beds)))
		sent := w.beds[bed][n/int64(len(w.beds))%distinct].message(n, at)
		e := model.Entry{Seq: model.Seq(n + 1), Frame: model.Frame{Channel: "in", Codec: "hl7v2", Peer: "127.0.0.1:1", Arrived: at.Add(50 * time.Millisecond), Bytes: sent.Bytes}}
		for _, m := range reader.Read(e) {
			m.Recorded = m.Arrived.Add(5 * time.Millisecond)
			if m.Patient != nil {
				m.Patient.ID = model.PatientID(fmt.Sprintf("pat-%06d", bed))
			}
			for i := range m.Devices {
				m.Devices[i].ID = model.DeviceID(fmt.Sprintf("dev-%06d", bed))
			}
			batch.Messages = append(batch.Messages, &m)
			batch.Prints = append(batch.Prints, record.PrintOf(&m, record.DigestOf(e.Bytes)))
		}
		if batch.Cursor = e.Seq; len(batch.Messages) >= 500 || n == w.messages-1 {
			if err := db.Commit(ctx, batch); err != nil {
				return Stretch{}, err
			}
			progress("the ward's record", float64(n+1), float64(w.messages))
			batch = record.Batch{}
		}
	}
	took := time.Since(began)
	return Stretch{Name: "record made", Of: "messages", Count: w.messages, Seconds: took.Seconds(), PerSecond: float64(w.messages) / took.Seconds()}, nil
}
