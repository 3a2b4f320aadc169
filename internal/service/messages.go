package service

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Summary is a message in a list.
type Summary = record.Summary

// MessageSearch finds messages.
type MessageSearch struct {
	Text    string           `json:"text,omitempty" arg:"text" private:"true" doc:"part of the control id, or of a patient's name or number"`
	Patient model.PatientID  `json:"patient,omitempty" doc:"patient id"`
	Device  model.DeviceID   `json:"device,omitempty" doc:"device id"`
	Channel model.ChannelID  `json:"channel,omitempty" doc:"channel id"`
	Type    string           `json:"type,omitempty" doc:"ORU, ORU^R01 or the whole MSH-9"`
	Code    string           `json:"code,omitempty" doc:"RefID, MDC number or LOINC of an observation"`
	Control string           `json:"control,omitempty" doc:"part of the control id"`
	From    time.Time        `json:"from,omitzero" doc:"arrived at or after, e.g. -15m or 14:30"`
	Until   time.Time        `json:"until,omitzero" doc:"arrived before"`
	Issues  bool             `json:"issues,omitempty" doc:"only messages with issues"`
	Alerts  bool             `json:"alerts,omitempty" doc:"only messages with alerts"`
	Refused bool             `json:"refused,omitempty" doc:"only messages refused to a destination"`
	After   model.MessageRef `json:"after,omitzero" doc:"the next page: what the page before gave, e.g. 4711.0"`
	Limit   int              `json:"limit,omitempty" doc:"rows of a page, 50 unless told"`
}

// Ref names a message in a request.
type Ref struct {
	Seq  model.Seq `json:"seq" arg:"seq" doc:"number of the journal entry"`
	Part int       `json:"part,omitempty" doc:"message within a batch, 0 the first"`
}

// MessagePage is everything known about one message, in the order of its way.
type MessagePage struct {
	Ref        model.MessageRef `json:"ref"`
	Received   Received         `json:"received"`
	Message    *model.Message   `json:"message,omitempty"` // nil: not recorded yet
	Deliveries []model.Delivery `json:"deliveries"`
	// Firsts are the earlier messages of which this one, or parts of it, is a
	// repeat; Repeats those that came later and say again what it said (R18).
	Firsts  []model.MessageRef `json:"firsts,omitempty"`
	Repeats []model.MessageRef `json:"repeats,omitempty"`
	// Versions are what replays read it as, each under the replay's number;
	// Message is the first reading.
	Versions []deliver.Version `json:"versions,omitempty"`
}

// Received is an entry as it came.
type Received struct {
	Seq      model.Seq       `json:"seq"`
	Channel  model.ChannelID `json:"channel"`
	Codec    string          `json:"codec"`
	Peer     string          `json:"peer"`
	Identity string          `json:"identity,omitempty"`
	Arrived  time.Time       `json:"arrived"`
	// What the link said beside the bytes: where the sender filed it, and
	// "name: value" a line.
	Topic      string    `json:"topic,omitempty"`
	Properties string    `json:"properties,omitempty"`
	Hash       string    `json:"hash"` // chain value, hex
	Size       int       `json:"size"`
	Redacted   bool      `json:"redacted,omitempty"`
	Bytes      []byte    `json:"bytes"` // base64 in JSON
	Segments   []Segment `json:"segments,omitempty"`
}

// Segment of a received message, explained.
type Segment struct {
	ID     string         `json:"id"`
	Name   string         `json:"name,omitempty"`
	Fields []SegmentField `json:"fields"`
}

// SegmentField is one field of a segment.
type SegmentField struct {
	Path string `json:"path"` // "OBX[3]-5"
	Name string `json:"name,omitempty"`
	Text string `json:"text"` // as sent
}

// TrendAsk asks for the numbers of a code over time.
type TrendAsk struct {
	Patient model.PatientID `json:"patient,omitempty" doc:"patient id"`
	Device  model.DeviceID  `json:"device,omitempty" doc:"device id"`
	Code    string          `json:"code" arg:"code" doc:"RefID, MDC number or LOINC"`
	From    time.Time       `json:"from,omitzero" doc:"e.g. -24h; one hour ago unless told"`
	Until   time.Time       `json:"until,omitzero" doc:"now unless told"`
	Step    model.Duration  `json:"step,omitempty" doc:"width of a grid, e.g. 1m; 0 gives the values as they came"`
}

func (t TrendAsk) query(now time.Time) record.TrendQuery {
	q := record.TrendQuery{Subject: record.Subject{Patient: t.Patient, Device: t.Device}, Code: t.Code, From: t.From, Until: t.Until, Step: time.Duration(t.Step)}
	if q.Until.IsZero() {
		q.Until = now
	}
	if q.From.IsZero() {
		q.From = q.Until.Add(-time.Hour)
	}
	return q
}

// IssueAsk says which issues to list.
type IssueAsk struct {
	Channel model.ChannelID `json:"channel,omitempty" doc:"channel id"`
	Code    string          `json:"code,omitempty" arg:"code" doc:"issue code"`
	From    time.Time       `json:"from,omitzero" doc:"arrived at or after"`
	Until   time.Time       `json:"until,omitzero" doc:"arrived before"`
}

func messageOps() []Op {
	return []Op{
		ofPatients(define(Reads, "message.search", "Find messages by patient, device, type, code, time or control id, newest first.", "--device dev-abc --from -1h", searchMessages)),
		ofPatients(define(Reads, "message.get", "Show one message's whole way: bytes, meaning, routing, deliveries.", "4711", getMessage)),
		ofPatients(define(Reads, "entry.get", "Show one journal entry as it was received.", "4711", getEntry)),
		ofPatients(define(Reads, "trend.get", "Show the numbers of a code over time.", "MDC_ECG_HEART_RATE --patient pat-abc --step 1m", getTrend)),
		ofPatients(define(Reads, "waveform.get", "Show the waveform of a code over time.", "MDC_ECG_ELEC_POTL_II --patient pat-abc --from -1m", getWaveform)),
		define(Reads, "issue.list", "List what could not be understood, grouped by code and channel.", "--from -24h", listIssues),
	}
}

func searchMessages(ctx context.Context, c *call, r MessageSearch) (List[record.Summary], error) {
	q := record.Query{
		Device: r.Device, Channel: r.Channel, Type: r.Type, Code: r.Code, ControlText: r.Control, From: r.From, Until: r.Until,
		WithIssues: r.Issues, WithAlerts: r.Alerts, Refused: r.Refused, Before: r.After, Limit: r.Limit,
	}
	if r.Patient != "" {
		same, err := c.s.Patients.Same(ctx, r.Patient)
		if err != nil {
			return List[record.Summary]{}, err
		}
		q.Patients = same
		c.look(r.Patient)
	}
	if r.Text != "" {
		found, err := c.s.Patients.Find(ctx, r.Text, 20)
		if err != nil {
			return List[record.Summary]{}, err
		}
		if len(found) > 0 && r.Patient == "" {
			for _, p := range found {
				q.Patients = append(append(q.Patients, p.ID), p.Aliases...)
			}
		} else {
			q.ControlText = r.Text
		}
	}
	rows, next, err := c.s.Record.Search(ctx, q)
	list := List[record.Summary]{Rows: rows}
	if next != (model.MessageRef{}) {
		text, _ := next.MarshalText()
		list.Next = string(text)
	}
	if err != nil {
		return list, err
	}
	return list, c.nameThem(ctx, rows)
}

// nameThem gives the patients of messages that tell a number only the name
// they are known by, and notes the look at each.
func (c *call) nameThem(ctx context.Context, rows []record.Summary) error {
	names := map[model.PatientID]string{}
	for i := range rows {
		m := &rows[i]
		if c.look(m.Patient); m.Patient == "" || m.PatientName != "" {
			continue
		}
		name, known := names[m.Patient]
		if !known {
			p, err := c.s.Patients.Get(ctx, m.Patient)
			if err != nil && fault.KindOf(err) != fault.Absent {
				return err
			}
			name = p.DisplayName()
			names[m.Patient] = name
		}
		m.PatientName = name
	}
	return nil
}

func getMessage(ctx context.Context, c *call, r Ref) (MessagePage, error) {
	page := MessagePage{Ref: model.MessageRef{Seq: r.Seq, Part: r.Part}}
	err := c.lookEntry(ctx, r.Seq)
	if err != nil {
		return page, err
	}
	if page.Received, err = c.s.received(r.Seq); err != nil {
		return page, err
	}
	m, err := c.s.Record.Message(ctx, page.Ref)
	switch {
	case err == nil:
		page.Message = m
	case fault.KindOf(err) != fault.Absent || r.Part > 0:
		return page, err
	}
	if m != nil {
		page.Firsts = m.Firsts()
	}
	if page.Repeats, err = c.s.Record.Repeats(ctx, page.Ref); err != nil {
		return page, err
	}
	if page.Deliveries, err = c.s.Deliveries.ByMessage(ctx, page.Ref); err != nil {
		return page, err
	}
	page.Versions, err = c.s.Deliveries.Versions(ctx, page.Ref)
	for _, v := range page.Versions {
		if v.Message.Patient != nil {
			c.look(v.Message.Patient.ID)
		}
	}
	return page, err
}

func getEntry(ctx context.Context, c *call, r Ref) (Received, error) {
	if err := c.lookEntry(ctx, r.Seq); err != nil {
		return Received{}, err
	}
	return c.s.received(r.Seq)
}

// lookEntry notes the patients of all messages of an entry: its bytes hold
// their data. An entry that is not recorded yet names nobody we know.
func (c *call) lookEntry(ctx context.Context, seq model.Seq) error {
	for part := 0; ; part++ {
		m, err := c.s.Record.Message(ctx, model.MessageRef{Seq: seq, Part: part})
		if err != nil {
			if fault.KindOf(err) == fault.Absent {
				return nil
			}
			return err
		}
		if m.Patient != nil {
			c.look(m.Patient.ID)
		}
	}
}

func (s *Service) received(seq model.Seq) (Received, error) {
	e, err := s.Journal.Read(seq)
	if err != nil {
		return Received{}, err
	}
	out := Received{
		Seq: e.Seq, Channel: e.Channel, Codec: e.Codec, Peer: e.Peer, Identity: e.Identity, Arrived: e.Arrived,
		Topic: e.Topic, Properties: e.Properties, Hash: hexOf(e.Hash[:]), Size: len(e.Bytes), Redacted: e.Redacted, Bytes: e.Bytes,
	}
	if s.Explain != nil && !e.Redacted {
		out.Segments = s.Explain(e.Codec, e.Bytes)
	}
	return out, nil
}

func listIssues(ctx context.Context, c *call, r IssueAsk) ([]record.IssueGroup, error) {
	groups, err := c.s.Record.Issues(ctx, record.IssueQuery{From: r.From, Until: r.Until, Channel: r.Channel, Code: r.Code})
	if err != nil {
		return nil, err
	}
	silent, err := silentIssues(ctx, c, r)
	return append(silent, groups...), err
}
