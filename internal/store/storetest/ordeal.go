package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/audit"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/register"
)

// What is done with a store while its disk is tormented: each step is one
// transaction, changes something, and may be done again when it failed.

// DeliverSteps are steps for a deliver.Store.
func DeliverSteps() []func(s deliver.Store) error {
	ctx := context.Background()
	var steps []func(s deliver.Store) error
	commit := func(b deliver.Batch) {
		steps = append(steps, func(s deliver.Store) error { return s.Commit(ctx, &b) })
	}
	for n := 1; n <= 24; n += 8 {
		commit(deliver.Batch{Destination: "ehr", Cursor: ref(n), Settled: []deliver.Settled{delivered(n), died(n+1, "k2", "a.b")}})
		commit(deliver.Batch{Destination: "lake", Cursor: ref(n), Settled: []deliver.Settled{delivered(n)},
			Park: []deliver.Queued{queued(int64(n), "k", n+2), queued(int64(n+1), "k3", n+3)}})
		var many []deliver.Settled
		for i := range 150 {
			many = append(many, delivered(10_000*n+i))
		}
		commit(deliver.Batch{Destination: "file", Cursor: ref(n), Settled: many})
		commit(deliver.Batch{Destination: "ehr", Wait: []deliver.Detained{detained(int64(n), "k", n+4, "a"), detained(int64(n+1), "k", n+5, "b")}})
		commit(deliver.Batch{Destination: "lake", Settled: []deliver.Settled{delivered(n + 2)}, Unqueue: []int64{int64(n)}, Failing: []deliver.Queued{failed(int64(n+1), "k3", n+3)}})
		commit(deliver.Batch{Destination: "ehr", Released: []deliver.Release{{For: "a"}}, Rejected: []deliver.Reject{{For: "b", Reason: "sold", At: noon}}, Cursor: ref(n + 5)})
		steps = append(steps, func(s deliver.Store) error {
			_, err := s.AddReplay(ctx, deliver.Replay{Reason: fmt.Sprint("lost ", n), Actor: "eva", At: noon, Span: deliver.Span{From: noon}, Jobs: []deliver.Job{{Destination: "ehr"}, {Destination: "lake"}}})
			return err
		})
		steps = append(steps, func(s deliver.Store) error {
			letters, err := s.DeadLetters(ctx, deliver.DeadFilter{Destination: "ehr", Limit: 1})
			if err != nil || len(letters) == 0 {
				return errors.Join(err, errors.New("there is no dead letter"))
			}
			return s.Commit(ctx, &deliver.Batch{Destination: "ehr", Revived: []uint64{letters[0].ID}, Park: []deliver.Queued{queued(int64(1000+n), letters[0].Key, int(letters[0].Ref.Seq))}})
		})
	}
	return steps
}

func failed(ord int64, key string, seq int) deliver.Queued {
	q := queued(ord, key, seq)
	q.Attempts, q.Failures, q.FirstTried, q.FailingSince, q.NextTry, q.Code, q.Reason = 3, 2, noon, noon, noon.Add(time.Minute), "x.y", "busy"
	return q
}

// RegisterSteps are steps for a store of what is governed: each changes
// something and appends to the audit, in one transaction where it can.
func RegisterSteps() []func(s RegisterStore) error {
	ctx := context.Background()
	var steps []func(s RegisterStore) error
	act := func(name string, work func(tx RegisterTx) error) {
		steps = append(steps, func(s RegisterStore) error {
			return s.Update(ctx, func(tx RegisterTx) error {
				if err := work(tx); err != nil {
					return err
				}
				_, err := tx.AppendAudit(ctx, audit.Record{At: noon, Actor: "usr-a", Action: name, Outcome: audit.Done, Change: name})
				return err
			})
		})
	}
	for n := range 4 {
		mark := register.Mark{By: "usr-a", At: noon.Add(time.Duration(n) * time.Minute)}
		device := register.Device{ID: model.DeviceID(fmt.Sprint("dev-", n)), Keys: []string{fmt.Sprint("k", n)}, Observed: register.Observed{Manufacturer: "Acme", FirstSeen: noon}}
		act("destination.put", func(tx RegisterTx) error {
			_, err := register.Destinations().Put(ctx, tx, model.Destination{ID: "house", Name: fmt.Sprint("House ", n), Kind: "file"}, register.AnyVersion, mark)
			return err
		})
		steps = append(steps, func(s RegisterStore) error {
			return s.SaveDevices(ctx, []register.Device{device}, []register.Change{{Device: device.ID, At: noon, Fact: "release", Now: "2"}})
		})
		act("device.adopt", func(tx RegisterTx) error {
			d, err := tx.Device(ctx, device.ID)
			if err != nil {
				return err
			}
			d.Adoption, d.Version = &register.Adoption{By: "usr-a", At: noon}, d.Version+1
			return tx.SaveDevice(ctx, d, []register.Change{{Device: d.ID, At: noon, Fact: "adoption", Was: "unknown", Now: "adopted", By: "usr-a"}})
		})
		act("account.put", func(tx RegisterTx) error {
			return tx.SaveAccount(ctx, access.StoredAccount{Password: "$x", Account: access.Account{
				ID: model.ActorID(fmt.Sprint("usr-", n)), Name: fmt.Sprint("Mona", n), Roles: []string{"viewer"}, Version: 1,
				Created: noon, CreatedBy: "system", Changed: noon, ChangedBy: "system", PasswordChanged: noon,
			}})
		})
		steps = append(steps, func(s RegisterStore) error {
			p := patients.Patient{Keys: []string{fmt.Sprint("p|H|", n)}, FirstSeen: noon}
			p.ID, p.Family = model.PatientID(fmt.Sprint("pat-", n)), "Álvarez"
			return s.SavePatients(ctx, patients.Batch{
				Patients:  []patients.Patient{p},
				Movements: []patients.Movement{{Patient: p.ID, Visit: "v", What: patients.Enter, At: noon, Said: noon, Place: model.Place{PointOfCare: "ICU", Bed: fmt.Sprint(n)}}},
			})
		})
		act("route.put", func(tx RegisterTx) error {
			for _, id := range []model.RouteID{"a", "b"} {
				if _, err := register.Routes().Put(ctx, tx, model.Route{ID: id, Types: []string{fmt.Sprint("ORU", n)}, Destinations: []model.DestinationID{"d"}}, register.AnyVersion, mark); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return steps
}
