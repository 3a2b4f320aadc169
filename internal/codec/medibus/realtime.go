package medibus

import (
	"fmt"
	"math/big"
	"time"

	"thalamus/internal/model"
)

// Bytes of the real-time stream.
const (
	syncByte      = 0xD0 // which of streams 1 to 4 follow, in the low bits
	syncCommand   = 0xC0 // a command of two bytes; C0 C0 ends a sequence
	streams1to4   = 0xC1
	streams5to8   = 0xC2
	streams9to12  = 0xC3
	follow5to8    = 0xC4
	follow9to12   = 0xC5
	breath        = 0xC6 // a breath begins: argument C0 inspiration, C1 expiration
	realtimeLost  = 0xCF
	sampleByte    = 0x80 // six bits of a sample, the lower ones first
	mostStreams   = 12
	listWidth     = 23 // code 2, interval 8, minimum 5, maximum 5, greatest value 3
	listIntervals = time.Microsecond
)

// Stream is one curve as the device offers it (53H).
type Stream struct {
	Code     byte
	Interval time.Duration
	Min, Max model.Decimal
	Top      int // sample value that stands for Max; 0 stands for Min
}

// Streams reads the real-time configuration.
func Streams(m Message) (out []Stream, whole bool) {
	b := m.Text
	for ; len(b) >= listWidth; b = b[listWidth:] {
		code, ok := hexByte(b)
		interval, err1 := model.ParseDecimal(trim(b[2:10]))
		low, err2 := model.ParseDecimal(trim(b[10:15]))
		high, err3 := model.ParseDecimal(trim(b[15:20]))
		top, ok2 := hexNumber(trim(b[20:23]))
		us := interval.Float64()
		if !ok || err1 != nil || err2 != nil || err3 != nil || !ok2 || top == 0 || us < 100 || us > 1e9 || low.Compare(high) >= 0 {
			return out, false
		}
		out = append(out, Stream{Code: code, Interval: time.Duration(us) * listIntervals, Min: low, Max: high, Top: top})
	}
	return out, len(b) == 0
}

func trim(b []byte) string {
	s := make([]byte, 0, len(b))
	for _, c := range b {
		if c != ' ' {
			s = append(s, c)
		}
	}
	return string(s)
}

func hexNumber(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		v, ok := hexByte([]byte{'0', s[i]})
		if !ok {
			return 0, false
		}
		n = n<<4 | int(v)
	}
	return n, len(s) > 0
}

// Order is the command that asks for curves, each at its own interval.
func Order(codes ...byte) []byte {
	var text []byte
	for _, c := range codes {
		text = append(text, hexDigit(c>>4), hexDigit(c&15), '0', '1')
	}
	return Command(RealtimeAsk, text...)
}

// Enable is the sequence that begins the first n streams; n 0 ends all.
func Enable(n int) []byte {
	bits := func(from int) byte {
		v := byte(syncCommand)
		for i := range 4 {
			if from+i < n {
				v |= 1 << i
			}
		}
		return v
	}
	return []byte{syncByte, streams9to12, bits(8), streams5to8, bits(4), streams1to4, bits(0), syncCommand, syncCommand}
}

// asked is one ordered stream, and its samples.
type asked struct {
	Stream
	times   int
	samples []int32
}

// realtime reads a run of real-time bytes into waveforms.
func (d *decoder) realtime(b []byte) {
	streams := d.ordered()
	if len(streams) == 0 {
		d.issue("medibus.no-configuration", model.Error, "", "", "what the real-time bytes are is not known: the configuration and order are not with them", "receive over a channel with the driver medibus")
		return
	}
	var following []int // streams that follow the last sync byte
	next, stray := 0, 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c&0xF0 == syncByte:
			following, next = bitsOf(nil, c, 0), 0
		case c&0xF0 == syncCommand:
			if i++; i >= len(b) {
				break
			}
			switch c {
			case follow5to8:
				following = bitsOf(following, b[i], 4)
			case follow9to12:
				following = bitsOf(following, b[i], 8)
			case realtimeLost:
				for k := range streams {
					streams[k].samples = append(streams[k].samples, model.Gap)
				}
			}
		case c&0xC0 == sampleByte && i+1 < len(b) && b[i+1]&0xC0 == sampleByte:
			v := int32(c&0x3F) | int32(b[i+1]&0x3F)<<6
			i++
			if next >= len(following) || following[next] >= len(streams) {
				stray++
				continue
			}
			s := &streams[following[next]]
			s.samples = append(s.samples, v)
			next++
		default:
			stray++
		}
	}
	if stray > 0 {
		d.issue("medibus.real-time", model.Warning, "", "", fmt.Sprintf("%d real-time values belong to no stream and were not read", stray), "what came is kept; look at the line where it happens often")
	}
	for i := range streams {
		d.waveform(&streams[i])
	}
}

func bitsOf(list []int, c byte, from int) []int {
	for i := range 4 {
		if c>>i&1 != 0 {
			list = append(list, from+i)
		}
	}
	return list
}

// ordered gives the streams in the order in which they were asked for.
func (d *decoder) ordered() (out []asked) {
	config, ok := d.said("config")
	order, ok2 := d.said("order")
	if !ok || !ok2 {
		return nil
	}
	offered, _ := Streams(config)
	for b := order.Text; len(b) >= 4 && len(out) < mostStreams; b = b[4:] {
		code, ok := hexByte(b)
		times, ok2 := hexByte(b[2:])
		if !ok || !ok2 || times == 0 {
			return nil
		}
		one := asked{times: int(times)}
		for _, s := range offered {
			if s.Code == code {
				one.Stream = s
			}
		}
		if one.Top == 0 {
			return nil // asked for what is not offered: nothing is known of the order then
		}
		out = append(out, one)
	}
	return out
}

func (d *decoder) waveform(s *asked) {
	if len(s.samples) == 0 {
		return
	}
	low, high := rat(s.Min), rat(s.Max)
	step := new(big.Rat).Quo(new(big.Rat).Sub(high, low), big.NewRat(int64(s.Top), 1))
	scale, _ := model.DecimalOf(step)
	period := s.Interval * time.Duration(s.times)
	w := model.Waveform{Field: fmt.Sprintf("53.%02X", s.Code), Received: received(RealtimeList, s.Code), PeriodNS: int64(period),
		Origin: s.Min, Scale: scale, Samples: s.samples, Low: &s.Min, High: &s.Max, Status: model.StatusFinal}
	if t := terms[codeOf{RealtimeList, s.Code}]; t != nil {
		w.UnitSent = unit(t.ucum)
		if t.code != nil {
			w.Received = standard(t.code)
		}
	}
	if !d.e.Arrived.IsZero() { // the last sample is that of now
		at := d.e.Arrived.UTC().Add(-period * time.Duration(len(s.samples)-1))
		w.DeviceTime = model.Timestamp{UTC: at, Precision: "fraction"}
	}
	d.m.Waveforms = append(d.m.Waveforms, w)
}

func rat(n model.Decimal) *big.Rat {
	r, _ := new(big.Rat).SetString(n.String())
	return r
}
