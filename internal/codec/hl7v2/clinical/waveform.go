package clinical

import (
	"math"
	"strconv"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// wave is a sample array whose attributes may still come: the OBX under it
// in the containment.
type wave struct {
	index   int // first in Message.Waveforms
	count   int // repetitions: one waveform each
	value   hl7v2.Element
	rate    model.Decimal // samples a second
	perSec  bool          // rate is known
	scale   model.Decimal // of one digit
	scaled  bool
	invalid []model.Decimal
}

func itoa(n int) string { return strconv.Itoa(n) }

// wave reads an NA: samples of a curve (HL7 v2.5.1 §2.A.46).
func (d *decoder) wave(r *reading) {
	at := len(d.waves)
	w := wave{index: len(d.out.Waveforms), value: d.f[5]}
	o := model.Observation{}
	d.flags(&o)
	for n, rep := range d.f[5].Reps() {
		field := r.place
		if n > 1 {
			field += "-5[" + itoa(n) + "]"
		}
		if !rep.Present() && n > 1 {
			continue
		}
		if n > maxValues {
			d.tooMany(rep)
			break
		}
		d.out.Waveforms = append(d.out.Waveforms, model.Waveform{
			Field: field, SubID: r.sub, Received: r.received, UnitSent: d.coding(d.f[6]), DeviceTime: model.Timestamp{Original: d.timeOf()},
			Simulated: o.Simulated, Device: r.device, Status: d.resultStatus(r),
		})
		w.count++
	}
	if mdcOther, _, ok := mdc.OfCoding(r.alternate); ok && r.term == mdcOther {
		for i := range w.count {
			d.out.Waveforms[w.index+i].Received = r.alternate
		}
	}
	d.waves = append(d.waves, w)
	if r.sub != "" {
		d.tree.add(node{sub: r.sub, term: r.term, device: -1, wave: at})
	}
}

// waveAttribute takes an OBX that qualifies a sample array: rate, range,
// resolution, and which sample means that there is none.
func (d *decoder) waveAttribute(r *reading) bool {
	if r.node == nil || r.node.wave < 0 || !r.hasValue {
		return false
	}
	w := &d.waves[r.node.wave]
	v, _ := d.value(d.f[5].Rep(1), r.kind)
	if v.Kind == model.ValueText {
		if n, err := model.ParseDecimal(v.Text); err == nil {
			v = model.Value{Kind: model.ValueNumber, Number: n}
		}
	}
	switch r.refid {
	case "MDC_ATTR_SAMP_RATE":
		if v.Kind == model.ValueNumber && v.Number.Coef > 0 {
			w.rate, w.perSec = v.Number, true
			return true
		}
	case "MDC_ATTR_DATA_RANGE":
		if v.Kind == model.ValueRange {
			for i := range w.count {
				low, high := v.Number, v.High
				d.out.Waveforms[w.index+i].Low, d.out.Waveforms[w.index+i].High = &low, &high
			}
			return true
		}
	case "MDC_ATTR_NU_MSMT_RES":
		if v.Kind == model.ValueNumber && v.Number.Coef != 0 {
			w.scale, w.scaled = v.Number, true
			return true
		}
	case "MDC_EVT_INOP": // the sample that means "none"; 0 and 1 are a flag instead
		if v.Kind == model.ValueNumber && v.Number.Coef != 0 && v.Number != (model.Decimal{Coef: 1}) {
			w.invalid = append(w.invalid, v.Number)
			return true
		}
	}
	return false
}

// finishWaves reads the samples, now that all attributes are known.
func (d *decoder) finishWaves() {
	for i := range d.waves {
		w := &d.waves[i]
		at := 0
		for n, rep := range w.value.Reps() {
			if !rep.Present() && n > 1 {
				continue
			}
			if at == w.count {
				break
			}
			d.samples(&d.out.Waveforms[w.index+at], w, rep)
			at++
		}
		if !w.perSec {
			d.issueAt(w.value, "decode.no-sample-rate", model.Warning, "the samples come without their rate, so nobody knows how far they are apart", "the sender should send MDC_ATTR_SAMP_RATE below the curve").Field = d.out.Waveforms[w.index].Field
		}
	}
}

// samples fills one waveform. All samples share the scale of the finest, so
// that each stays exact.
func (d *decoder) samples(out *model.Waveform, w *wave, rep hl7v2.Element) {
	if w.perSec {
		out.PeriodNS = period(w.rate)
	}
	n := rep.ComponentCount()
	out.Samples = make([]int32, 0, n)
	exp, bad, whole := int8(0), 0, true
	for _, c := range rep.Components() {
		if v, err := model.ParseDecimal(d.text(c)); err == nil && v.Coef != 0 && v.Exp < exp {
			exp, whole = v.Exp, false
		}
	}
	rounded := false
	for _, c := range rep.Components() {
		t := d.text(c)
		v, err := model.ParseDecimal(t)
		switch {
		case err != nil:
			if t != "" && !nothing(t) {
				bad++
			}
			out.Samples = append(out.Samples, model.Gap)
		case w.isInvalid(v) || whole && outOfBand(v):
			out.Samples = append(out.Samples, model.Gap)
		default:
			s, ok := scaled(v, exp)
			rounded = rounded || !ok
			out.Samples = append(out.Samples, s)
		}
	}
	if rounded { // finer than 31 bits: drop digits until all fit
		exp = d.coarser(out, rep, exp, w)
		d.issueAt(rep, "decode.samples-rounded", model.Warning, "the samples have more digits than fit; the last ones were dropped", "nothing to do; the message keeps them")
	}
	if bad > 0 {
		d.issueAt(rep, "decode.not-samples", model.Error, itoa(bad)+" of the samples are not numbers; they were read as gaps", "the sender should send numbers in NA")
	}
	out.Scale = model.Decimal{Coef: 1, Exp: exp}
	if w.scaled {
		out.Scale = model.Decimal{Coef: w.scale.Coef, Exp: w.scale.Exp + exp}
	}
}

func (w *wave) isInvalid(v model.Decimal) bool {
	for _, i := range w.invalid {
		if i == v {
			return true
		}
	}
	return false
}

// outOfBand recognises the numbers that senders of whole samples use for
// "invalid": the ends of 16 and 24 bits.
func outOfBand(v model.Decimal) bool {
	if v.Exp != 0 {
		return false
	}
	switch v.Coef {
	case math.MaxInt16, math.MinInt16, 1<<23 - 1, -1 << 23:
		return true
	}
	return false
}

// scaled gives v in units of 10^exp; false when it does not fit.
func scaled(v model.Decimal, exp int8) (int32, bool) {
	n := v.Coef
	for e := v.Exp; e > exp; e-- {
		if n > math.MaxInt32 || n < -math.MaxInt32 {
			return model.Gap, false
		}
		n *= 10
	}
	for e := v.Exp; e < exp; e++ {
		n /= 10
	}
	if n > math.MaxInt32 || n < -math.MaxInt32 {
		return model.Gap, false
	}
	return int32(n), true
}

func (d *decoder) coarser(out *model.Waveform, rep hl7v2.Element, exp int8, w *wave) int8 {
	for exp < 100 {
		exp++
		out.Samples = out.Samples[:0]
		all := true
		for _, c := range rep.Components() {
			v, err := model.ParseDecimal(d.text(c))
			if err != nil || w.isInvalid(v) {
				out.Samples = append(out.Samples, model.Gap)
				continue
			}
			s, ok := scaled(v, exp)
			all = all && ok
			out.Samples = append(out.Samples, s)
		}
		if all {
			return exp
		}
	}
	return exp
}

// period in nanoseconds of a rate in samples a second.
func period(rate model.Decimal) int64 {
	f := rate.Float64()
	if f <= 0 || 1e9/f > 1e15 {
		return 0
	}
	return int64(math.Round(1e9 / f))
}
