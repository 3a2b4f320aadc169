package drill

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/service"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// onSite tries the faults of the server and of receivers, one after another.
func (d *drill) onSite(ctx context.Context) {
	for _, one := range []struct {
		fault string
		own   bool // it needs a server of its own
		try   func(ctx context.Context) Result
	}{
		{faults.DestinationDown, false, d.down},
		{faults.DestinationSlow, false, d.slow},
		{faults.DestinationRefuses, false, d.refuses},
		{faults.CredentialsRevoked, false, d.revoked},
		{faults.CertificateExpired, d.o.Authority == nil, d.expired},
		{faults.ServerRestarted, true, d.restarted},
		{faults.DiskFull, true, d.full},
	} {
		if !d.wants(one.fault) || ctx.Err() != nil {
			continue
		}
		r := Result{Skipped: "it needs a server that the drill starts itself"}
		if !one.own || d.house != nil {
			r = one.try(ctx)
		}
		r.Fault = one.fault
		d.done(r)
	}
}

func (d *drill) down(ctx context.Context) Result {
	return d.receiver(ctx, faults.DestinationDown, func(r *sim.Receiver, wrong bool) {
		r.Down.Store(wrong)
		r.DropConnections()
	})
}

func (d *drill) slow(ctx context.Context) Result {
	return d.receiver(ctx, faults.DestinationSlow, func(r *sim.Receiver, wrong bool) {
		r.Delay.Store(0)
		if wrong {
			r.Delay.Store(int64(3 * time.Second))
		}
	})
}

func (d *drill) refuses(ctx context.Context) Result {
	return d.receiver(ctx, faults.DestinationRefuses, func(r *sim.Receiver, wrong bool) { r.Reject.Store(wrong) })
}

// receiver lets a receiver go wrong while devices send, and mends it.
func (d *drill) receiver(ctx context.Context, name string, set func(r *sim.Receiver, wrong bool)) Result {
	r := Result{Kind: "hl7"}
	his, err := sim.Listen("127.0.0.1:0", nil)
	if err != nil {
		return r.failed(err)
	}
	defer his.Close()
	ch, err := d.open(ctx, name, "hl7", nil)
	if err != nil {
		return r.failed(err)
	}
	defer d.shut(ch.ID)
	dest := model.Destination{ID: model.DestinationID("drill-" + name + "-" + d.run), Name: "Drill: " + name, Kind: "hl7v2", Settings: map[string]any{"address": his.Address(), "timeout": "1s", "connect_timeout": "1s"}}
	route := model.Route{ID: model.RouteID(dest.ID), Channels: []model.ChannelID{ch.ID}, Destinations: []model.DestinationID{dest.ID}}
	if err := errors.Join(
		d.call(ctx, "destination.put", service.Put[model.Destination]{Value: dest, Reason: "drill"}, &register.Versioned[model.Destination]{}),
		d.call(ctx, "route.put", service.Put[model.Route]{Value: route, Reason: "drill"}, &register.Versioned[model.Route]{}),
	); err != nil {
		return r.failed(err)
	}
	defer d.unroute(string(dest.ID))
	dev := d.devices("hl7", ch, nil)
	end := d.working(ctx, dev)
	defer end()
	err = d.until(ctx, "messages are delivered", nil, func() (bool, error) { return his.Different() >= before, nil })
	if err != nil {
		return r.failed(err)
	}
	set(his, true)
	wrong := time.Now()
	want := []string{"destination:open", "destination:waiting"}
	seen := sights{}
	err = d.until(ctx, "the destination's state tells of it", nil, func() (bool, error) {
		var rows []service.DestinationRow
		if err := d.call(ctx, "destination.list", nil, &rows); err != nil {
			return false, err
		}
		clear(seen)
		destination(rows, dest.ID, seen)
		return seen.any(want), nil
	})
	d.saw(&r, dev.told, seen, want)
	r.After = time.Since(wrong).Seconds()
	set(his, false)
	end()
	if err == nil {
		err = d.until(ctx, "everything acknowledged is delivered", nil, func() (bool, error) { return his.Tally(dev.ledger).Lost == 0, nil })
	}
	t := his.Tally(dev.ledger)
	_, r.Sent = dev.told.all()
	r.Acknowledged, r.Lost = dev.told.acknowledged(), t.Lost
	if err == nil && t.Disordered > 0 {
		err = fmt.Errorf("%d messages of one patient came in the wrong order", t.Disordered)
	}
	if err != nil {
		return r.failed(err)
	}
	return r
}

func (d *drill) unroute(id string) {
	if d.house != nil {
		return
	}
	for _, name := range []string{"route.remove", "destination.remove"} {
		_ = d.call(context.Background(), name, service.Remove{ID: id, Reason: "drill"}, nil) // it is only in the way
	}
}

// credential makes one for a wearable.
func (d *drill) credential(ctx context.Context, r service.CredentialCreate) (service.CredentialMade, error) {
	var made service.CredentialMade
	r.ID, r.Publish, r.Reason = r.ID+"-"+d.run, []string{"ward/#"}, "drill"
	err := d.call(ctx, "credential.create", r, &made)
	return made, err
}

// revoke ends a credential of ours on a server that is not.
func (d *drill) revoke(id string) {
	if d.house == nil {
		_ = d.call(context.Background(), "credential.revoke", service.Remove{ID: id, Reason: "drill"}, nil) // it may be already
	}
}

// revoked revokes a wearable's credential while it sends.
func (d *drill) revoked(ctx context.Context) Result {
	r := Result{Kind: "mqtt"}
	ch, err := d.open(ctx, faults.CredentialsRevoked, "mqtt", map[string]any{"anonymous": false})
	if err != nil {
		return r.failed(err)
	}
	defer d.shut(ch.ID)
	made, err := d.credential(ctx, service.CredentialCreate{ID: "drill-revoked"})
	if err != nil {
		return r.failed(err)
	}
	defer d.revoke(made.Credential.ID)
	dev := d.devices("mqtt", ch, nil)
	dev.mqtt.User, dev.mqtt.Secret = made.Credential.ID, made.Secret
	dev.grace = time.Second
	end := d.working(ctx, dev)
	defer end()
	if err := d.until(ctx, "the device is let in", nil, func() (bool, error) { return dev.told.acknowledged() >= before, nil }); err != nil {
		return r.failed(err)
	}
	if err := d.call(ctx, "credential.revoke", service.Remove{ID: made.Credential.ID, Reason: "drill"}, nil); err != nil {
		return r.failed(err)
	}
	dev.told.wrongNow()
	d.look(ctx, &r, ch.ID, dev.told, []string{"mqtt.revoked", "mqtt.not-admitted"})
	return r
}

// certificateLife is how long the certificate of a device is good that expires.
const certificateLife = 6 * time.Second

// expired lets a wearable's certificate expire while it sends, and renews it.
func (d *drill) expired(ctx context.Context) Result {
	r := Result{Kind: "mqtt"}
	ch, err := d.open(ctx, faults.CertificateExpired, "mqtt", map[string]any{"anonymous": false, "tls": map[string]any{"enabled": true}})
	if err != nil {
		return r.failed(err)
	}
	defer d.shut(ch.ID)
	made, err := d.credential(ctx, service.CredentialCreate{ID: "drill-expired", Certificate: true, Life: model.Duration(certificateLife)})
	if err != nil {
		return r.failed(err)
	}
	defer d.revoke(made.Credential.ID)
	until := time.Now().Add(certificateLife)
	var shown atomic.Pointer[tls.Certificate]
	show := func(m service.CredentialMade) error {
		pair, err := tls.X509KeyPair([]byte(m.Certificate), []byte(m.Key))
		if err == nil {
			shown.Store(&pair)
		}
		return err
	}
	if err := show(made); err != nil {
		return r.failed(err)
	}
	dev := d.devices("mqtt", ch, nil)
	dev.mqtt.TLS = &tls.Config{
		RootCAs: d.o.Authority, ServerName: "localhost", MinVersion: tls.VersionTLS13,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown.Load(), nil },
	}
	end := d.working(ctx, dev)
	defer end()
	if err := d.until(ctx, "the device is let in", nil, func() (bool, error) {
		return dev.told.acknowledged() >= before || time.Now().After(until), nil
	}); err != nil {
		return r.failed(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(until)):
	}
	dev.told.wrongNow()
	d.look(ctx, &r, ch.ID, dev.told, []string{"mqtt.revoked", "mqtt.not-admitted", "mqtt.tls-handshake"})
	if r.Problem != "" {
		return r
	}
	if err := d.call(ctx, "credential.rotate", service.CredentialRotate{ID: made.Credential.ID, Life: model.Duration(time.Hour), Reason: "drill"}, &made); err != nil {
		return r.failed(err)
	}
	if err := show(made); err != nil {
		return r.failed(err)
	}
	return d.goesOn(ctx, r, ch.ID, dev, end)
}

// goesOn waits until devices are acknowledged again, and counts what is lost
// after all.
func (d *drill) goesOn(ctx context.Context, r Result, id model.ChannelID, dev *devices, end func()) Result {
	had := dev.told.acknowledged()
	err := d.until(ctx, "it goes on", end, func() (bool, error) { return dev.told.acknowledged() >= had+before, nil })
	if err == nil {
		err = d.recorded(ctx)
	}
	if err == nil {
		r.Lost, err = d.lost(ctx, id, dev.told)
	}
	_, r.Sent = dev.told.all()
	r.Acknowledged = dev.told.acknowledged()
	if err != nil {
		return r.failed(err)
	}
	return r
}

// restarted stops and starts the server while devices send.
func (d *drill) restarted(ctx context.Context) Result {
	r := Result{Kind: "hl7"}
	address, err := freeAddress()
	if err != nil {
		return r.failed(err)
	}
	ch, err := d.open(ctx, faults.ServerRestarted, "hl7", map[string]any{"listen": address})
	if err != nil {
		return r.failed(err)
	}
	dev := d.devices("hl7", ch, nil)
	end := d.working(ctx, dev)
	defer end()
	if err := d.until(ctx, "messages are taken", nil, func() (bool, error) { return dev.told.acknowledged() >= before, nil }); err != nil {
		return r.failed(err)
	}
	if err := d.house.stop(); err != nil {
		return r.failed(err)
	}
	if err := d.house.start(ctx); err != nil {
		return r.failed(err)
	}
	return d.goesOn(ctx, r, ch.ID, dev, end)
}
