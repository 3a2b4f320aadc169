package phd

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"thalamus/internal/codec/phd"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
)

// associate answers an association request (IEEE 11073-20601 §8.7): version and
// encoding rules are agreed on, the device is let in, and its configuration is
// taken as known or asked for.
func (c *conn) associate(req *phd.Association, raw []byte) error {
	result, chosen := c.choose(req)
	if result == phd.Accepted {
		result = c.let(chosen)
	}
	if result != phd.Accepted {
		c.note("phd.rejected", rejection(result), "See what the device proposes, and its credential where channels ask for one.")
		return c.answer(result, chosen)
	}
	c.info, c.aarq, c.knew = chosen, raw, true
	c.objects = c.knownConfiguration(chosen)
	if c.objects == nil {
		c.enter(configuring)
		return c.answer(phd.AcceptedUnknownConfig, chosen)
	}
	if err := c.answer(phd.Accepted, chosen); err != nil {
		return err
	}
	return c.operate()
}

// choose takes the first proposal that both sides can.
func (c *conn) choose(req *phd.Association) (result uint16, chosen *phd.Information) {
	if req.Version&phd.Version1 == 0 {
		return phd.RejectedVersion, nil
	}
	result = phd.RejectedNoProtocol
	for i := range req.Protocols {
		info := req.Protocols[i].Info
		if info == nil {
			continue // external, or none that we know
		}
		if chosen == nil {
			chosen = info
		}
		switch {
		case info.Protocol&(phd.Version1|phd.Version2|phd.Version3) == 0,
			info.Rules&phd.RulesMDER == 0, info.Nomenclature&phd.Version1 == 0, info.SystemType&phd.SystemAgent == 0,
			len(info.SystemID) == 0 || len(info.SystemID) > 64:
			result = phd.RejectedNoParameter
		default:
			return phd.Accepted, info
		}
	}
	return result, chosen
}

// protocol is the lowest version that the device proposes: every version has
// the messages of the first.
func protocol(offered uint32) uint32 {
	for _, v := range []uint32{phd.Version1, phd.Version2, phd.Version3} {
		if offered&v != 0 {
			return v
		}
	}
	return phd.Version1
}

// admitFor is how long asking who a device is may take.
const admitFor = 5 * time.Second

// let asks whether the device may come.
func (c *conn) let(info *phd.Information) (result uint16) {
	id := strings.ToUpper(hex.EncodeToString(info.SystemID))
	if s := &c.d.settings; len(s.Devices) > 0 && !slices.Contains(s.Devices, id) {
		return phd.RejectedUnauthorized
	}
	certificate, certified := c.tls()
	if c.d.host.Admit == nil || !certified && !c.d.settings.Credentials {
		return phd.Accepted
	}
	ctx, cancel := context.WithTimeout(c.d.ctx, admitFor)
	defer cancel()
	admitted, err := c.d.host.Admit(ctx, c.d.channel, driver.Credentials{Peer: c.peer, Client: id, Certificate: certificate})
	switch {
	case err == nil:
		if admitted.Identity != "" {
			c.identity = admitted.Identity
		}
		if admitted.Ended != nil && c.ended != admitted.Ended {
			c.ended = admitted.Ended
			c.d.guests.Go(func() { c.watch(admitted.Ended) })
		}
		return phd.Accepted
	case fault.KindOf(err) == fault.Transient:
		return phd.RejectedTransient
	}
	return phd.RejectedUnauthorized
}

func rejection(result uint16) string {
	switch result {
	case phd.RejectedVersion:
		return "a device was rejected: no version of the association in common"
	case phd.RejectedNoProtocol:
		return "a device was rejected: it does not propose IEEE 11073-20601"
	case phd.RejectedNoParameter:
		return "a device was rejected: it proposes no version, encoding rules (MDER) or role that can be agreed on"
	case phd.RejectedUnauthorized:
		return "a device was rejected: it may not come to this channel"
	}
	return "a device was put off: it could not be told whether it may come"
}

// answer sends the association response (annex A.8, AareApdu).
func (c *conn) answer(result uint16, chosen *phd.Information) error {
	p := phd.Protocol{}
	if chosen != nil {
		p = phd.Protocol{ID: phd.Protocol20601, Info: &phd.Information{
			Protocol: protocol(chosen.Protocol), Rules: phd.RulesMDER, Nomenclature: phd.Version1, SystemType: phd.SystemManager, SystemID: c.d.system,
		}}
	}
	return c.send(&phd.APDU{Choice: phd.ChoiceAARE, Answer: &phd.Answer{Result: result, Protocol: p}})
}

// knownConfiguration is the one that the device names, where it is standard or
// the device sent it before.
func (c *conn) knownConfiguration(info *phd.Information) *phd.Configuration {
	if raw := c.d.known.get(info.SystemID, info.Config); raw != nil {
		if config := configurationOf(raw); config != nil {
			c.config = raw
			return config
		}
	}
	return phd.Standard(info.Config)
}

func configurationOf(raw []byte) *phd.Configuration {
	a, err := phd.Parse(raw)
	if err != nil || a.Call == nil {
		return nil
	}
	config, err := phd.ParseConfiguration(a.Call.Info)
	if err != nil {
		return nil
	}
	return config
}

// configure takes the configuration that a device sends (§8.8): it is made
// durable, remembered and accepted. What cannot be read is refused.
func (c *conn) configure(call *phd.Call, raw []byte) error {
	confirmed := call.Op == phd.OpEventConfirmed
	config, err := phd.ParseConfiguration(call.Info)
	if offered := c.offer(raw, c.aarq); offered != nil {
		return c.refusedBy(offered, call.Invoke, confirmed)
	}
	c.d.reports.Add(1)
	result := uint16(phd.ConfigAccepted)
	if err != nil {
		result = phd.ConfigUnsupported
		config = &phd.Configuration{ID: c.info.Config}
		c.note("phd.malformed", "a configuration contradicts itself: "+err.Error(), "The device should send another one.")
	} else {
		c.config, c.lasting = slices.Clone(raw), nil
		c.objects = configurationOf(c.config)
		if err := c.d.known.put(c.info.SystemID, config.ID, c.config); err != nil {
			c.note("phd.forgotten", "a configuration could not be kept for the device's next connection: "+err.Error(), "Make room; nothing is lost, the device sends it again.")
		}
	}
	if confirmed {
		if err := c.result(call, phd.ConfigurationResult(config.ID, result)); err != nil {
			return err
		}
	}
	if result == phd.ConfigAccepted && c.state == configuring {
		return c.operate()
	}
	return nil
}
