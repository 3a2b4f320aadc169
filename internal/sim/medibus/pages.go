package medibus

import (
	"fmt"

	"thalamus/internal/sim/faults"
)

// Codes of measured values on page 1.
const (
	codeCompliance  = 0x07 // l/bar
	codeResistance  = 0x08 // mbar/l/s
	codeMean        = 0x73 // mbar
	codePlateau     = 0x74
	codePEEP        = 0x78
	codePeak        = 0x7D
	codeTidalLitre  = 0x82 // l
	codeTidal       = 0x88 // ml
	codeMinuteLitre = 0xB9 // l/min
	codeAirwayTemp  = 0xC1 // °C
	codeRate        = 0xD6 // 1/min
	codeIPart       = 0xE7
	codeEPart       = 0xE8
	codeEtCO2       = 0xE6 // mmHg
	codeFiO2        = 0xF0 // %
)

// pair is a code with its text.
type pair struct {
	code byte
	text string
}

// four writes a value right-aligned in four characters, as measured values and
// limits are.
func four(tenth int) string {
	s := fmt.Sprintf("%.1f", float64(tenth)/10)
	if len(s) > 4 {
		s = fmt.Sprintf("%.0f", float64(tenth)/10)
	}
	return fmt.Sprintf("%4s", s)
}

func page(pairs []pair, width int) (out []byte) {
	for _, p := range pairs {
		out = fmt.Appendf(out, "%02X%*s", p.code, width, p.text)
	}
	return out
}

// measured are the values of page 1.
func (v *Ventilator) measured(fault string) []byte {
	b := v.breath
	peak := four(b.PeakTenthMbar)
	rate := four(b.RespPerMin * 10)
	if v.apart { // the patient's side is off: nothing is breathed
		return page([]pair{{codeMean, " 0.0"}, {codePEEP, " 0.0"}, {codePeak, " 0.8"}, {codeTidal, "   0"}, {codeMinuteLitre, " 0.0"}, {codeRate, " 0.0"}, {codeFiO2, four(b.InspiredO2Percent * 10)}}, 4)
	}
	switch fault {
	case faults.OutOfRange:
		peak = " 999"
	case faults.NoNumber:
		rate = "----"
	}
	return page([]pair{
		{codeCompliance, four(b.ComplianceTenthMlMbar)}, {codeResistance, " 9.5"}, {codeMean, four(b.MeanTenthMbar)}, {codePlateau, four(b.PlateauTenthMbar)},
		{codePEEP, four(b.PeepTenthMbar)}, {codePeak, peak}, {codeTidalLitre, fmt.Sprintf("%4.2f", float64(b.TidalMl)/1000)}, {codeTidal, fmt.Sprintf("%4d", b.TidalMl)},
		{codeMinuteLitre, four(b.MinuteMl / 100)}, {codeAirwayTemp, four(368)}, {codeRate, rate}, {codeIPart, " 1.0"}, {codeEPart, " 2.0"},
		{codeEtCO2, four(b.EtCO2TenthMmHg)}, {codeFiO2, four(b.InspiredO2Percent * 10)},
	}, 4)
}

// Limits of the alarms.
const (
	lowMinuteTenth, highMinuteTenth = 45, 100
	highPeakTenth                   = 400
	lowEtCO2Tenth, highEtCO2Tenth   = 300, 420
)

func lowLimits() []byte {
	return page([]pair{{codeMinuteLitre, four(lowMinuteTenth)}, {codeEtCO2, four(lowEtCO2Tenth)}}, 4)
}

func highLimits() []byte {
	return page([]pair{{codeMinuteLitre, four(highMinuteTenth)}, {codePeak, four(highPeakTenth)}, {codeEtCO2, four(highEtCO2Tenth)}}, 4)
}

// alarms are priority, code and twelve characters each.
func (v *Ventilator) alarms() (out []byte) {
	add := func(priority int, code byte, text string) {
		out = fmt.Appendf(out, "%d%02X%-12.12s", priority, code, text)
	}
	b := v.breath
	minute := b.MinuteMl / 100
	switch {
	case v.apart:
		add(9, 0x9A, "DISCONNECT")
	case minute < lowMinuteTenth:
		add(8, 0x19, "MIN VOL LOW")
	case minute > highMinuteTenth:
		add(8, 0x9B, "MIN VOL HIGH")
	}
	if !v.apart && b.EtCO2TenthMmHg > highEtCO2Tenth {
		add(6, 0x28, "etCO2 HIGH")
	}
	if !v.apart && b.EtCO2TenthMmHg < lowEtCO2Tenth {
		add(6, 0x27, "etCO2 LOW")
	}
	return out
}

// settings are codes with five characters each.
func (v *Ventilator) settings() []byte {
	b := v.breath
	return page([]pair{
		{0x01, fmt.Sprintf("%5.1f", float64(b.InspiredO2Percent))}, {0x05, "  1.3"}, {0x07, "  1.0"}, {0x08, "  2.0"}, {0x0A, " 16.0"},
		{0x0B, fmt.Sprintf("%5.1f", float64(b.PeepTenthMbar)/10)}, {0x13, " 35.0"}, {0x40, "  460"}, {0x4B, "   70"},
	}, 5)
}

// texts are codes with a length (from '0' on), the text and ETX.
func texts() (out []byte) {
	for _, p := range []pair{{0x01, "IPPV"}, {0x20, "ADULTS"}, {0x22, "CO2 mmHg"}} {
		out = fmt.Appendf(out, "%02X%c%s\x03", p.code, '0'+len(p.text), p.text)
	}
	return out
}

// curve is a realtime value with its range.
type curve struct {
	code      byte
	low, high int // in the unit
	value     func(v *Ventilator, i int) float64
}

// curveInterval is how long between two samples, in microseconds: 62.5 a second.
const curveInterval = 16000

func curves() []curve {
	return []curve{
		{0x00, -50, 150, func(v *Ventilator, i int) float64 { return float64(v.air.PressureHundredthMbar[i]) / 100 }},
		{0x01, -180, 180, func(v *Ventilator, i int) float64 { return float64(v.air.FlowMlPerSecond[i]) * 60 / 1000 }},
		{0x06, 0, 100, func(v *Ventilator, i int) float64 { return float64(v.air.CO2TenthMmHg[i]) / 10 }},
	}
}

// fullScale is the highest value of twelve bits.
const fullScale = 0xFFF

// offered lists the curves: code, interval, lowest, highest and full scale in
// 23 characters each.
func offered() (out []byte) {
	for _, c := range curves() {
		out = fmt.Appendf(out, "%02X%8d%5d%5d%03X", c.code, curveInterval, c.low, c.high, fullScale)
	}
	return out
}
