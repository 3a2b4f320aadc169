package app

import (
	"context"

	"thalamus/internal/builtin"
	"thalamus/internal/clock"
	explained "thalamus/internal/codec/hl7v2/explain"
	"thalamus/internal/conf"
	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/flow"
	"thalamus/internal/flow/route"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/register"
	"thalamus/internal/service"
	"thalamus/internal/store/sqlite/registerdb"
)

// governedStore is register.db as service sees it.
type governedStore struct{ *registerdb.DB }

func (g governedStore) Update(ctx context.Context, work func(tx service.Tx) error) error {
	return g.DB.Update(ctx, func(tx registerdb.Tx) error { return work(tx) })
}

func (a *App) makeService() *service.Service {
	kinds := a.kindsOfDestinations()
	secrets := map[string][]conf.Key{}
	for _, k := range builtin.Drivers() {
		secrets["driver "+k.Name] = conf.Describe(k.Settings)
	}
	for name, k := range kinds {
		secrets["destination "+name] = conf.Describe(k.Settings)
	}
	var drivers, receivers []service.Kind
	for _, k := range builtin.Drivers() {
		drivers = append(drivers, service.Kind{Name: k.Name, Doc: k.Doc, Codecs: k.Codecs, Keys: conf.Describe(k.Settings)})
	}
	for _, k := range builtin.Destinations() {
		receivers = append(receivers, service.Kind{Name: k.Name, Doc: k.Doc, Keys: conf.Describe(k.Settings)})
	}
	host := a.destinationHost()
	return service.New(service.Parts{
		Version: a.o.Version, Started: a.started, Log: a.log,
		Store: governedStore{a.governed}, Record: a.amended(), Cursor: a.record.Cursor, Journal: a.journal, Intake: a.intake,
		Deliveries: a.deliver, Extracts: a.extracts, Links: a.links, Register: a.register, Gatekeeper: a.gatekeeper, IssueCertificate: a.authority.IssueClient, Patients: a.patients, Access: a.access, Clock: func(id model.DeviceID) (clock.Estimate, bool) { return a.stage.Clock(id) },
		Channel: a.channelOf, Plain: a.links.plain,
		CheckDestination: func(d model.Destination) error {
			kind, ok := kinds[d.Kind]
			if !ok {
				return fault.New(fault.Invalid, "deliver.unknown-kind", "there is no kind of destination called %q", d.Kind).At("kind")
			}
			made, err := kind.New(d, host)
			if err != nil {
				return err
			}
			return made.Close()
		},
		CheckRoute: func(r model.Route) error {
			rows, err := register.Destinations().List(context.Background(), a.governed)
			if err != nil {
				return err
			}
			ids := make([]model.DestinationID, len(rows))
			for i := range rows {
				ids[i] = rows[i].Value.ID
			}
			_, err = route.Compile([]model.Route{r}, ids)
			return err
		},
		Profiles: func() *profile.Set { return a.routing.reader.Load().profiles },
		Reader: func(set *profile.Set) func(model.Entry) []model.Message {
			r := newReader(set)
			return func(e model.Entry) []model.Message { return a.read(r, e) }
		},
		Cases: func(p *profile.Profile, cases []profile.Case) []flow.CaseResult {
			return flow.TryCases(p, cases, builtin.Codecs())
		},
		Drivers: drivers, Kinds: receivers,
		Waveforms: builtin.Waveforms(),
		Redact: func(kind, name string, settings map[string]any) map[string]any {
			return conf.Redact(settings, secrets[kind+" "+name])
		},
		Apply:   a.apply,
		Explain: explain,
		FHIR: func(ctx context.Context, answer service.SeriesAnswer) ([]byte, error) {
			return numbersAsFHIR(ctx, a.amended(), answer)
		},
		Health: a.health,
		Flows:  a.flowsNow, Reaches: a.watcher.Reaches,
	})
}

func (a *App) kindsOfDestinations() map[string]destination.Kind {
	kinds := map[string]destination.Kind{}
	for _, k := range builtin.Destinations() {
		kinds[k.Name] = k
	}
	return kinds
}

func (a *App) destinationHost() destination.Host {
	return destination.Host{Log: a.log, Roots: a.authority.Pool(), Version: a.o.Version}
}

// explain names the segments and fields of a received message for people.
func explain(codec string, raw []byte) []service.Segment {
	if codec != "hl7v2" {
		return nil
	}
	var out []service.Segment
	for _, s := range explained.Segments(raw) {
		seg := service.Segment{ID: s.ID, Name: s.Name}
		for _, f := range s.Fields {
			seg.Fields = append(seg.Fields, service.SegmentField{Path: f.Path, Name: f.Name, Text: f.Text})
		}
		out = append(out, seg)
	}
	return out
}
