package app

import (
	"context"
	"net/http"
	"strings"

	"thalamus/internal/api"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// ingest hands requests at /ingest/{channel} and below to the channel's driver.
// It knows no account and no session: who sends is the driver's to ask (R3).
func (a *App) ingest(w http.ResponseWriter, r *http.Request) {
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/ingest/"), "/")
	if h := a.links.handler(model.ChannelID(id)); h != nil {
		h.ServeHTTP(w, r)
		return
	}
	api.WriteProblem(w, fault.New(fault.Absent, "app.no-ingest", "no channel with the driver rest is open under this name"))
}

// handler is what answers HTTP for a channel; nil when its driver takes none.
func (l *links) handler(id model.ChannelID) http.Handler {
	l.mu.Lock()
	k := l.running[id]
	l.mu.Unlock()
	if k == nil || k.driver == nil {
		return nil
	}
	if m, ok := k.driver.(driver.Mounted); ok {
		return m.Handler()
	}
	return nil
}

// since gives the entries of a channel after one, for its driver.
func (a *App) since(channel model.ChannelID, after model.Seq, each func(e model.Entry)) {
	reader := a.journal.Reader(max(after+1, a.journal.Tail()))
	defer reader.Close()
	for {
		entries, err := reader.Next(0)
		if err != nil || len(entries) == 0 {
			return // what is damaged is reported where it is read for the record
		}
		for _, e := range entries {
			if e.Channel == channel && !e.Redacted {
				each(e)
			}
		}
	}
}

// progress tells a driver how far entries of its channel have come.
func (a *App) progress(ctx context.Context, channel model.ChannelID, first model.Seq, each func(p driver.Progress) bool) error {
	absent := fault.New(fault.Absent, "app.no-entry", "there is no such entry of this channel in the journal")
	if first == 0 || first > a.journal.Head() || first < a.journal.Tail() {
		return absent
	}
	reader := a.journal.Reader(first)
	defer reader.Close()
	none := true
	for ctx.Err() == nil {
		entries, err := reader.Next(0)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			if none && (e.Seq != first || e.Channel != channel) {
				return absent
			}
			if none = false; e.Channel != channel {
				return nil
			}
			p, err := a.progressOf(ctx, e)
			if err != nil {
				return err
			}
			if !each(p) {
				return nil
			}
		}
	}
	return ctx.Err()
}

// progressOf looks up one entry: in the record, and with the deliveries.
func (a *App) progressOf(ctx context.Context, e model.Entry) (driver.Progress, error) {
	p := driver.Progress{Seq: e.Seq, Identity: e.Identity, Properties: e.Properties, Recorded: a.record.Cursor() >= e.Seq}
	for part := 0; p.Recorded; part++ {
		ref := model.MessageRef{Seq: e.Seq, Part: part}
		m, err := a.record.Message(ctx, ref)
		if fault.KindOf(err) == fault.Absent && err != nil {
			break
		}
		if err != nil {
			return p, err
		}
		p.Messages++
		p.Observations += len(m.Observations)
		p.Issues = append(p.Issues, m.Issues...)
		deliveries, err := a.deliver.ByMessage(ctx, ref)
		if err != nil {
			return p, err
		}
		for i := range deliveries {
			switch p.Owed++; deliveries[i].State {
			case model.Delivered:
				p.Delivered++
			case model.Dead:
				p.Dead++
			case model.Quarantined:
				p.Waiting++
			}
		}
	}
	return p, nil
}
