package integration

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// Bounds of what one page shows; the rest is in the download and the API.
const (
	mostSegments     = 300
	mostObservations = 400
	mostFieldText    = 240
)

// messagePage shows one message's whole way: as received, decoded, normalised,
// routed, delivered (R28).
func messagePage(v *ui.Visit) (ui.View, error) {
	ref, err := refOf(v)
	if err != nil {
		return ui.View{}, err
	}
	var page service.MessagePage
	if err := v.Call("message.get", service.Ref{Seq: ref.Seq, Part: ref.Part}, &page); err != nil {
		return ui.View{}, err
	}
	ctx := v.Context()
	title := ui.T(ctx, "Message %s", ui.Ref(ref))
	if ref.Part > 0 {
		title = ui.T(ctx, "Message %d of the batch in entry %d", ref.Part+1, uint64(ref.Seq))
	}
	return ui.View{
		Title: title, Body: messageBody(page), Actions: messageActions(page), Wide: true,
		Trail: []ui.Link{{Text: ui.T(ctx, "Messages"), To: "/messages"}},
	}, nil
}

// askMessage names a message for its tabs: changes are those of the entry it
// came in.
func askMessage(v *ui.Visit) (id string, request any, err error) {
	ref, err := refOf(v)
	return strconv.FormatUint(uint64(ref.Seq), 10), service.Ref{Seq: ref.Seq, Part: ref.Part}, err
}

func refOf(v *ui.Visit) (model.MessageRef, error) {
	var ref model.MessageRef
	if err := ref.UnmarshalText([]byte(v.Path("ref"))); err != nil {
		return ref, fault.Wrap(err, fault.Invalid, "web.number", "this is no number of a message")
	}
	return ref, nil
}

// replayMessage owes a message again to whom it was owed, or to one
// destination.
func replayMessage(v *ui.Visit) (ui.Done, error) {
	ref, err := refOf(v)
	if err != nil {
		return ui.Done{}, err
	}
	why, err := v.Why()
	if err != nil {
		return ui.Done{}, err
	}
	ask := service.ReplayAsk{Refs: []model.MessageRef{ref}, Reason: why}
	if d := v.Typed("destination"); d != "" {
		ask.Destinations = []model.DestinationID{model.DestinationID(d)}
	}
	var made service.ReplayMade
	if err := v.Call("entry.replay", ask, &made); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{
		To:    "/messages/" + ui.Ref(ref) + "#deliveries",
		Toast: &ui.Toast{Text: ui.T(v.Context(), "Replay %d delivers the message again.", made.Replay)},
	}, nil
}

// redactEntry removes the payload of the entry a message came in.
func redactEntry(v *ui.Visit) (ui.Done, error) {
	ref, err := refOf(v)
	if err != nil {
		return ui.Done{}, err
	}
	reason, err := v.Why()
	if err != nil {
		return ui.Done{}, err
	}
	if err := v.Call("entry.redact", service.EntryAct{Seq: ref.Seq, Reason: reason}, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/messages/" + ui.Ref(ref), Toast: &ui.Toast{Text: ui.T(v.Context(), "The payload is removed; place and hash stay.")}}, nil
}

// download gives an entry's bytes as they came.
func download(v *ui.Visit, w http.ResponseWriter) error {
	ref, err := refOf(v)
	if err != nil {
		return err
	}
	var entry service.Received
	if err := v.Call("entry.get", service.Ref{Seq: ref.Seq}, &entry); err != nil {
		return err
	}
	if entry.Redacted {
		return fault.New(fault.Absent, "web.redacted", "the payload of this entry was removed")
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.Itoa(len(entry.Bytes)))
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="entry-%d.bin"`, entry.Seq))
	_, _ = w.Write(entry.Bytes) // the connection is gone: nobody is left to tell
	return nil
}

// rawField is one field of a received message as the page lays it out.
type rawField struct {
	sign  string // delimiters before it: one for itself and one for each absent field
	text  string
	about string // what it is, for hover and focus
	of    string // "OBX[3]": what its segment is called in issues and observations
}

// layOut puts the delimiters back that stand between the fields a service
// names; absent fields are not among them.
func layOut(s service.Segment, separator string) []rawField {
	out := make([]rawField, 0, len(s.Fields))
	at := 0
	for _, f := range s.Fields {
		of, number, _ := strings.Cut(f.Path, "-")
		n, err := strconv.Atoi(number)
		if err != nil {
			n = at + 1
		}
		field := rawField{text: f.Text, of: of, sign: strings.Repeat(separator, max(n-at, 0))}
		if header(s.ID) && n == 1 {
			at = 1 // the separator itself: it stands before the next field
			continue
		}
		if header(s.ID) && n == 2 {
			field.sign = separator
		}
		at = n
		field.about = about(f)
		if cut := clip(f.Text, mostFieldText); cut != f.Text {
			field.text = cut
		}
		out = append(out, field)
	}
	return out
}

func header(id string) bool { return id == "MSH" || id == "FHS" || id == "BHS" }

// about says what a field is; what it holds stands beside it.
func about(f service.SegmentField) string {
	if f.Name == "" {
		return f.Path
	}
	return f.Path + " · " + f.Name
}

// clip shortens a text to n characters and says so with an ellipsis.
func clip(text string, n int) string {
	runes := 0
	for i := range text {
		if runes == n {
			return text[:i] + "…"
		}
		runes++
	}
	return text
}

// separator of the fields, from the message itself.
func separator(s []service.Segment) string {
	for _, one := range s {
		if header(one.ID) && len(one.Fields) > 0 && len(one.Fields[0].Text) == 1 {
			return one.Fields[0].Text
		}
	}
	return "|"
}

// printable is a payload as text, its bytes that are none replaced.
func printable(b []byte) string {
	text := strings.ToValidUTF8(string(b), "\uFFFD")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return clip(text, 60_000)
}

// deviceOf names the device of an observation, empty when none is named.
func deviceOf(m *model.Message, i int) string {
	if i < 0 || i >= len(m.Devices) {
		return ""
	}
	return deviceCalled(m.Devices[i])
}

func deviceCalled(d model.Device) string {
	name := strings.TrimSpace(d.Manufacturer + " " + d.Model)
	for _, other := range []string{d.Kind.Name, d.Kind.RefID, d.Serial} {
		if name == "" {
			name = other
		}
	}
	if name == "" && len(d.Identifiers) > 0 {
		name = d.Identifiers[0].Value
	}
	if name == "" {
		name = string(d.ID)
	}
	return name
}

func personCalled(p *model.Patient) string {
	name := p.Family
	if given := strings.Join(p.Given, " "); given != "" {
		name = strings.TrimPrefix(name+", "+given, ", ")
	}
	if name == "" && len(p.Identifiers) > 0 {
		name = p.Identifiers[0].Value
	}
	if name == "" {
		name = string(p.ID)
	}
	return name
}

func party(p model.Party) string {
	text := p.Application
	if p.Facility != "" {
		text = strings.TrimPrefix(text+" · "+p.Facility, " · ")
	}
	return text
}

// sent is what stood in the message for an observation: its value and unit
// before anything was converted.
func sent(o model.Observation) (model.Value, string) {
	v := o.Value
	if o.ValueSent != nil {
		v = *o.ValueSent
	}
	unit := o.UnitSent.Text
	if unit == "" {
		unit = o.UnitSent.Code
	}
	return v, unit
}

// standing says how far a message is: the kind and text of each step's badge.
type standing struct {
	dead, queued, delivered, other int
}

func stands(all []model.Delivery) (s standing) {
	for _, d := range all {
		switch d.State {
		case model.Delivered:
			s.delivered++
		case model.Dead:
			s.dead++
		case model.Queued:
			s.queued++
		default:
			s.other++
		}
	}
	return s
}

// destinations a message was owed to, each once.
func destinations(p service.MessagePage) []model.DestinationID {
	var out []model.DestinationID
	seen := map[model.DestinationID]bool{}
	if p.Message != nil {
		for _, d := range p.Message.Routed {
			if !seen[d.Destination] {
				seen[d.Destination] = true
				out = append(out, d.Destination)
			}
		}
	}
	return out
}

// replayTargets offers the destinations a message may be delivered to again.
func replayTargets(ctx context.Context, p service.MessagePage) []ui.Option {
	out := []ui.Option{{Text: ui.T(ctx, "everybody it was owed to")}}
	for _, d := range destinations(p) {
		out = append(out, ui.Option{Value: string(d), Text: string(d)})
	}
	return out
}

// sameHere says how much of a message came before.
func sameHere(ctx context.Context, m *model.Message) string {
	n, all := m.Repeated(), len(m.Observations)+len(m.Waveforms)+len(m.Alerts)
	switch {
	case n == 0:
		return ui.T(ctx, "It came before, byte for byte; it counts there.")
	case n == all:
		return ui.T(ctx, "All of it came before over another path; it counts there.")
	}
	return ui.T(ctx, "%d of %d parts came before over another path; they count there.", n, all)
}

// whyDecided says in words what stands beside a decision.
func whyDecided(ctx context.Context, d model.Decision) string {
	if d.OnlyNew {
		return ui.T(ctx, "Without the parts that it was owed before.")
	}
	return whyRefused(ctx, d.Refused)
}

// whyRefused says in words why a message may not go out.
func whyRefused(ctx context.Context, code string) string {
	switch code {
	case "":
		return ""
	case "duplicate":
		return ui.T(ctx, "It came before, and this destination was owed it then.")
	case "quarantine":
		return ui.T(ctx, "Its device is not adopted, and the channel keeps such devices apart.")
	case "simulated":
		return ui.T(ctx, "It holds simulated values, which the route does not pass.")
	}
	return code
}

// apart says how long after another time something was.
func apart(ctx context.Context, before, t time.Time) string {
	if d := t.Sub(before); d >= 0 {
		return ui.T(ctx, "%s later", ui.Span(ctx, d))
	}
	return ui.T(ctx, "%s earlier", ui.Span(ctx, before.Sub(t)))
}

// toDo is what an issue says to do, else what the catalogue says of its code.
func toDo(ctx context.Context, i model.Issue) string {
	if i.Hint != "" {
		return i.Hint
	}
	return ui.ToDo(ctx, i.Code)
}
