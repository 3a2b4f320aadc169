package app

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics answers /metrics. Numbers only, by channel and destination: no
// patient, no device (R57).
func (a *App) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collector{a})
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// collector reads the numbers when asked, so that counting costs the way
// nothing.
type collector struct{ a *App }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("thalamus_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector: an unchecked collector.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	a := c.a
	put := func(kind prometheus.ValueType, name, help string, value float64, labels ...string) {
		var names, texts []string
		for i := 0; i+1 < len(labels); i += 2 {
			names, texts = append(names, labels[i]), append(texts, labels[i+1])
		}
		out <- prometheus.MustNewConstMetric(describe(name, help, names...), kind, value, texts...)
	}
	counter, gauge := prometheus.CounterValue, prometheus.GaugeValue
	for _, n := range a.intake.Counts() {
		ch := string(n.Channel)
		put(counter, "frames_total", "Frames made durable.", float64(n.Frames), "channel", ch)
		put(counter, "frame_bytes_total", "Bytes of frames made durable.", float64(n.Bytes), "channel", ch)
		put(counter, "frames_refused_total", "Frames that are never acceptable.", float64(n.Refused), "channel", ch)
		put(counter, "frames_postponed_total", "Frames the sender was told to send again.", float64(n.Postponed), "channel", ch)
	}
	for ch, n := range a.record.Counts() {
		put(counter, "messages_recorded_total", "Messages in the record.", float64(n.Recorded), "channel", string(ch))
		put(counter, "observations_total", "Observations in the record.", float64(n.Observations), "channel", string(ch))
		put(counter, "issues_total", "Parts that could not be understood.", float64(n.Issues), "channel", string(ch))
		put(counter, "repeated_total", "Observations, runs of samples and alert events that came before over another path.", float64(n.Repeated), "channel", string(ch))
		put(counter, "duplicates_total", "Messages that came again.", float64(n.Duplicates), "channel", string(ch))
	}
	for ch, st := range a.links.Status() {
		put(gauge, "channel_peers", "Connections now.", float64(st.Peers), "channel", string(ch))
		up := 1.0
		if st.State == "failed" {
			up = 0
		}
		put(gauge, "channel_up", "1 when the channel is open.", up, "channel", string(ch))
	}
	if stats, err := a.deliver.Stats(context.Background()); err == nil {
		for _, s := range stats {
			d := string(s.Destination)
			put(counter, "delivered_total", "Deliveries acknowledged.", float64(s.Delivered), "destination", d)
			put(gauge, "queued", "Deliveries owed and not settled.", float64(s.Queued), "destination", d)
			put(gauge, "dead_letters", "Deliveries given up.", float64(s.Dead), "destination", d)
			put(gauge, "in_flight", "Calls under way.", float64(s.InFlight), "destination", d)
		}
	}
	if st, err := a.journal.Stat(); err == nil {
		put(gauge, "journal_head", "Last durable entry.", float64(st.Head))
		put(gauge, "journal_bytes", "Bytes of segments with entries.", float64(st.Bytes))
		put(gauge, "journal_free_bytes", "Free space of the journal's file system.", float64(st.Free))
		put(counter, "journal_syncs_total", "Flushes asked of the disk.", float64(st.Syncs))
		put(gauge, "record_lag_entries", "Durable entries not recorded yet.", float64(st.Head-a.record.Cursor()))
	}
}

// quietLog passes the HTTP servers' complaints on as debug records: a peer
// that breaks off a handshake is no error of ours.
type quietLog struct{ log *slog.Logger }

func (q quietLog) logger() *log.Logger { return log.New(q, "", 0) }

func (q quietLog) Write(p []byte) (int, error) {
	q.log.Debug("http", "text", strings.TrimSpace(string(p)))
	return len(p), nil
}
