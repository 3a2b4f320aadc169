package intellivue

import (
	"net"
	"net/netip"
	"time"

	"thalamus/internal/codec/intellivue"
	"thalamus/internal/fault"
)

// Settings of a channel to monitors on the network.
type Settings struct {
	Listen      string   `yaml:"listen" default:"0.0.0.0:24005" doc:"address and UDP port at which monitors announce themselves (connect indications); empty: only those named in monitors are asked"`
	Group       string   `yaml:"group" doc:"multicast group to join for announcements, such as 224.0.23.63, where monitors send them there instead of broadcasting"`
	Monitors    []string `yaml:"monitors" doc:"addresses of monitors to connect to without an announcement, host or host:port; the port is 24105 where none is named"`
	Networks    []string `yaml:"networks" doc:"networks whose monitors may come by an announcement, such as 192.0.2.0/24; all when empty. An announcement is not protected: name the monitors' network"`
	MaxMonitors int      `yaml:"max_monitors" default:"64" doc:"monitors at once; further ones are not connected and reported"`
	Polling     Polling  `yaml:"poll"`
	Timing      Timing   `yaml:"timing"`
}

// Polling is what a monitor is asked for.
type Polling struct {
	Numerics     time.Duration `yaml:"numerics" default:"1s" doc:"how often to ask for numbers; 0 never. A monitor answers once a second at most"`
	Describe     time.Duration `yaml:"describe" default:"1m" doc:"how often to ask for labels and units along with the numbers; 0 each time"`
	Alerts       time.Duration `yaml:"alerts" default:"1s" doc:"how often to ask for active alarms; 0 never"`
	Patient      time.Duration `yaml:"patient" default:"5s" doc:"how often to ask whom the monitor has admitted; 0 never. Values belong to the patient of the answer before them"`
	System       time.Duration `yaml:"system" default:"10m" doc:"how often to ask for model, serial number, versions and clock"`
	Waves        bool          `yaml:"waves" default:"false" doc:"take waves, where the monitor offers them"`
	WaveLabels   []string      `yaml:"wave_labels" doc:"which waves, by the names of ISO/IEEE 11073-10101, such as MDC_ECG_ELEC_POTL_II or MDC_PULS_OXIM_PLETH; empty: those that the monitor chooses. A monitor gives three ECG waves and eight others at most"`
	Enumerations bool          `yaml:"enumerations" default:"true" doc:"take states such as the rhythm, where the monitor offers them"`
}

// Timing is how long what may take.
type Timing struct {
	Association time.Duration `yaml:"association" default:"10s" doc:"how long a monitor may take to accept an association and to say what it is"`
	Response    time.Duration `yaml:"response" default:"3s" doc:"how long a monitor may take to answer before it is asked again; after three times the association is given up"`
	Retry       time.Duration `yaml:"retry" default:"10s" doc:"pause before a monitor is connected again"`
	Release     time.Duration `yaml:"release" default:"1s" doc:"how long a monitor may take to confirm that the association ends"`
	Store       time.Duration `yaml:"store" default:"8s" doc:"how long an answer waits for a store that is busy or full before the association is given up; monitors bear ten seconds of silence"`
}

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "intellivue.setting", "%s", text).At(place)
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	if s.Listen == "" && len(s.Monitors) == 0 {
		return invalid("listen", "name an address for announcements, or monitors to connect to")
	}
	if s.Listen != "" {
		if _, _, err := net.SplitHostPort(s.Listen); err != nil {
			return invalid("listen", "expected host:port or :port, such as 0.0.0.0:24005")
		}
	}
	if s.Group != "" {
		if a, err := netip.ParseAddr(s.Group); err != nil || !a.Is4() || !a.IsMulticast() {
			return invalid("group", "expected an IPv4 multicast address, such as 224.0.23.63")
		}
	}
	for i, m := range s.Monitors {
		if _, _, err := net.SplitHostPort(m); err != nil {
			m = net.JoinHostPort(m, "24105")
		}
		if host, _, err := net.SplitHostPort(m); err != nil || host == "" {
			return invalid("monitors", "expected addresses such as 192.0.2.17 or 192.0.2.17:24105")
		}
		s.Monitors[i] = m
	}
	for _, n := range s.Networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			return invalid("networks", "expected networks such as 192.0.2.0/24")
		}
	}
	if s.MaxMonitors < 1 {
		return invalid("max_monitors", "expected at least 1")
	}
	if err := s.Polling.check("poll"); err != nil {
		return err
	}
	return s.Timing.check("timing")
}

func (p *Polling) check(place string) error {
	for _, one := range [...]struct {
		name  string
		every time.Duration
	}{{"numerics", p.Numerics}, {"alerts", p.Alerts}, {"patient", p.Patient}, {"system", p.System}} {
		if one.every != 0 && one.every < time.Second {
			return invalid(place+"."+one.name, "expected at least 1s: a monitor answers no more often; or 0 for never")
		}
	}
	if p.Describe < 0 {
		return invalid(place+".describe", "expected 0 or more")
	}
	for _, name := range p.WaveLabels {
		if _, ok := intellivue.TextID(name); !ok {
			return invalid(place+".wave_labels", "expected names of measurements such as MDC_ECG_ELEC_POTL_II")
		}
	}
	return nil
}

func (t *Timing) check(place string) error {
	for _, one := range [...]struct {
		name string
		long time.Duration
	}{{"association", t.Association}, {"response", t.Response}, {"retry", t.Retry}, {"release", t.Release}, {"store", t.Store}} {
		if one.long <= 0 {
			return invalid(place+"."+one.name, "expected more than 0, such as 3s")
		}
	}
	return nil
}
