package ward

import (
	"context"
	"strings"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// A vital sign as wards know it: a short name and the codes it comes in, the
// preferred one first. Several parts (a blood pressure's) stand in one place.
type vital struct {
	Short string // on the card: "HR"
	Name  string // N(…): what it is called in full
	Tint  string // class of its colour
	Parts [][]string
	Least float64 // span of its chart at the least, so that noise does not look like news
	Most  float64 // that it can be; 0: no bound
	// Steady says that devices give it without a pause: where nothing comes, it is
	// missing. The others are measured now and then, and are as old as they are.
	Steady bool
}

// vitals are what a card shows large, in order.
func vitals() []vital {
	return []vital{
		{"HR", ui.N("Heart rate"), "tint-heart", [][]string{{"MDC_ECG_HEART_RATE", "MDC_ECG_CARD_BEAT_RATE", "MDC_PULS_RATE"}}, 20, 0, true},
		{"SpO₂", ui.N("Oxygen saturation"), "tint-oxygen", [][]string{{"MDC_PULS_OXIM_SAT_O2", "MDC_PULS_OXIM_SAT_O2_ART_LEFT", "MDC_SAT_O2"}}, 6, 100, true},
		{"RR", ui.N("Respiratory rate"), "tint-breath", [][]string{{"MDC_RESP_RATE", "MDC_TTHOR_RESP_RATE", "MDC_AWAY_RESP_RATE", "MDC_CO2_RESP_RATE", "MDC_VENT_RESP_RATE"}}, 8, 0, true},
		{"ART", ui.N("Blood pressure, arterial"), "tint-pressure", [][]string{
			{"MDC_PRESS_BLD_ART_ABP_SYS", "MDC_PRESS_BLD_ART_SYS"}, {"MDC_PRESS_BLD_ART_ABP_DIA", "MDC_PRESS_BLD_ART_DIA"}, {"MDC_PRESS_BLD_ART_ABP_MEAN", "MDC_PRESS_BLD_ART_MEAN"}}, 40, 0, true},
		{"NIBP", ui.N("Blood pressure, cuff"), "tint-pressure", [][]string{
			{"MDC_PRESS_BLD_NONINV_SYS", "MDC_PRESS_CUFF_SYS"}, {"MDC_PRESS_BLD_NONINV_DIA", "MDC_PRESS_CUFF_DIA"}, {"MDC_PRESS_BLD_NONINV_MEAN", "MDC_PRESS_CUFF_MEAN"}}, 40, 0, false},
		{"Temp", ui.N("Temperature"), "tint-warmth", [][]string{{"MDC_TEMP", "MDC_TEMP_CORE", "MDC_TEMP_BODY", "MDC_TEMP_BLD", "MDC_TEMP_ESOPH", "MDC_TEMP_RECT", "MDC_TEMP_TYMP", "MDC_TEMP_AXIL", "MDC_TEMP_SKIN"}}, 1.5, 0, false},
		{"etCO₂", ui.N("End-tidal CO₂"), "tint-breath", [][]string{{"MDC_AWAY_CO2_ET", "MDC_CONC_AWAY_CO2_ET"}}, 10, 0, true},
	}
}

// reading is one number of a tile: whose, and when it held.
type reading struct {
	Key   string // of the code, as the stream has it
	Value model.Value
	Unit  string
	At    int64 // Unix milliseconds, by the device's clock as far as it can be so
	Ref   string
	Off   string // why there is no value to use
	Sim   bool
	Name  string
	From  model.DeviceID
	Late  int64 // milliseconds of age from which it is missing; 0: it is as old as it is
}

// tile is one vital sign on a card.
type tile struct {
	vital
	Readings []reading
}

// arranged gives the tiles and what remains, of a bed's last values.
func arranged(ctx context.Context, b *service.Bed) (tiles []tile, rest []reading) {
	byKey := map[string]reading{}
	var keys []string
	for i := range b.Values {
		v := &b.Values[i]
		key := keyOf(v.Code, v.Received)
		at := v.Time
		if at.After(v.Arrived) {
			at = v.Arrived // a clock that is ahead makes nothing younger than it is
		}
		text, _ := v.Ref.MarshalText()
		r := reading{Key: key, Value: v.Value, Unit: unitText(v.UnitUCUM), At: at.UnixMilli(), Ref: string(text), Off: v.Absent, Sim: v.Simulated, Name: ui.Named(ctx, v.Code, v.Received), From: v.Device}
		old, twice := byKey[key]
		if twice && old.At > r.At {
			continue
		}
		if !twice {
			keys = append(keys, key)
		}
		byKey[key] = r
	}
	used := map[string]bool{}
	for _, v := range vitals() {
		t := tile{vital: v}
		for _, codes := range v.Parts {
			for _, code := range codes {
				if r, ok := byKey[code]; ok && !used[code] {
					if v.Steady {
						r.Late = lateFrom(b, r.From).Milliseconds()
					}
					t.Readings = append(t.Readings, r)
					used[code] = true
					break
				}
			}
		}
		if len(t.Readings) > 0 {
			tiles = append(tiles, t)
		}
	}
	for _, key := range keys {
		if !used[key] && !strings.HasPrefix(key, "MDC_ATTR_") { // what a device is, not what it measures
			r := byKey[key]
			if d := deviceAt(b, r.From); d == nil || !away(d) {
				r.Late = lateFrom(b, r.From).Milliseconds()
			}
			rest = append(rest, r)
		}
	}
	return tiles, rest
}

// late is the age from which a value that is given without a pause is missing,
// where its device speaks no more seldom.
const late = 15 * time.Second

// lateFrom is the age from which a device's value is missing: by its rhythm.
func lateFrom(b *service.Bed, id model.DeviceID) time.Duration {
	if d := deviceAt(b, id); d != nil && time.Duration(d.Heard.Late) > leastLate {
		return time.Duration(d.Heard.Late) // it speaks more seldom than every few seconds
	}
	return late
}

// leastLate is the least time after which a device counts as late, which says
// nothing of its rhythm.
const leastLate = 30 * time.Second

func deviceAt(b *service.Bed, id model.DeviceID) *service.LiveDevice {
	for i := range b.Devices {
		if b.Devices[i].ID == id {
			return &b.Devices[i]
		}
	}
	return nil
}

// keyOf names a code on the page and in the stream.
func keyOf(c model.Code, received model.Coding) string {
	if key := c.Key(); key != "" {
		return key
	}
	return "sent:" + received.Code
}

// waveRank says how gladly a waveform is shown where there is room for one:
// the least first, -1 for never.
func waveRank(key string) int {
	for i, known := range []string{
		"MDC_ECG_ELEC_POTL_II", "MDC_ECG_ELEC_POTL_I", "MDC_ECG_ELEC_POTL", "MDC_ECG_ELEC_POTL_III", "MDC_ECG_ELEC_POTL_V",
		"MDC_PULS_OXIM_PLETH", "MDC_PRESS_BLD_ART_ABP", "MDC_PRESS_BLD_ART", "MDC_CONC_AWAY_CO2", "MDC_IMPED_TTHOR", "MDC_PRESS_AWAY", "MDC_FLOW_AWAY",
	} {
		if key == known {
			return i
		}
	}
	return 100
}

// tint is the class of a waveform's colour.
func tint(key string) string {
	switch {
	case strings.HasPrefix(key, "MDC_PULS_OXIM"):
		return "tint-oxygen"
	case strings.HasPrefix(key, "MDC_PRESS_BLD"):
		return "tint-pressure"
	case strings.Contains(key, "RESP"), strings.Contains(key, "AWAY"), strings.Contains(key, "IMPED"):
		return "tint-breath"
	}
	return "tint-heart"
}

// unitText writes a UCUM unit as people on a ward do.
func unitText(ucum string) string {
	switch ucum {
	case "mm[Hg]":
		return "mmHg"
	case "cm[H2O]":
		return "cmH₂O"
	case "Cel":
		return "°C"
	case "[degF]":
		return "°F"
	case "{beat}/min", "{beats}/min", "{breath}/min", "{breaths}/min":
		return "/min"
	case "1":
		return ""
	}
	return strings.NewReplacer("ug/", "µg/", "umol", "µmol", "L/", "l/", "mL", "ml", "uV", "µV").Replace(ucum)
}
