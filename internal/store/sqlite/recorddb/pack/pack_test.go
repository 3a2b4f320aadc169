package pack

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// fill sets every field below v to something, from nothing at all to extremes.
func fill(r *rand.Rand, v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		if r.IntN(4) > 0 {
			ns := r.Int64N(1e9)
			if r.IntN(2) == 0 {
				ns = ns / 1e6 * 1e6
			}
			v.Set(reflect.ValueOf(time.Unix(r.Int64N(1<<36)-1<<35, ns).UTC()))
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"", "final", "MDC_ECG_HEART_RATE", "a\x00ü\n", fmt.Sprint(r.Uint64()), "number"}[r.IntN(6)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int32, reflect.Int64:
		v.SetInt(r.Int64() >> r.IntN(64))
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> r.IntN(64))
	case reflect.Struct:
		for i := range v.NumField() {
			if r.IntN(5) > 0 && v.Type().Field(i).Tag.Get("json") != "-" { // lives as long as the message is read
				fill(r, v.Field(i))
			}
		}
	case reflect.Slice:
		if n := r.IntN(5); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
			for i := range n - 1 {
				fill(r, v.Index(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem())
			switch v.Interface().(type) {
			case *model.Mapping, *model.Timestamp:
				if v.Elem().IsZero() {
					v.SetZero() // one that says nothing is none (Observation.Mapping, Value.Timestamp)
				}
			}
		}
	default:
		panic(v.Kind())
	}
}

// differs gives the path of the first field in which two values differ.
func differs(path string, a, b reflect.Value) string {
	if reflect.DeepEqual(a.Interface(), b.Interface()) {
		return ""
	}
	switch {
	case a.Type() == reflect.TypeFor[time.Time]():
		return path
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			if at := differs(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i)); at != "" {
				return at
			}
		}
	case a.Kind() == reflect.Slice && a.Len() == b.Len() && a.IsNil() == b.IsNil():
		for i := range a.Len() {
			if at := differs(fmt.Sprintf("%s[%d]", path, i), a.Index(i), b.Index(i)); at != "" {
				return at
			}
		}
	case a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil():
		return differs(path, a.Elem(), b.Elem())
	}
	return path
}

func random(r *rand.Rand) *model.Message {
	m := new(model.Message)
	fill(r, reflect.ValueOf(m).Elem())
	m.Ref = model.MessageRef{}
	return m
}

func press(t testing.TB) *Press {
	p, err := NewPress()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Whatever a message holds comes back: new and repeated parts, small blocks and
// compressed ones, with the dictionary that wrote and with the one saved (R13).
func TestLossless(t *testing.T) {
	p := press(t)
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := NewDict(1 + r.IntN(200))
		b := NewBuilder(p, d)
		pool := make([]*model.Message, 1+r.IntN(8))
		for i := range pool {
			pool[i] = random(r)
		}
		var want []*model.Message
		seq := model.Seq(r.Uint64N(1 << 39))
		for range 1 + r.IntN(40) {
			m := *pool[r.IntN(len(pool))]
			m.Amended = nil // laid over what is recorded, never recorded
			seq += model.Seq(r.IntN(3))
			m.Ref = model.MessageRef{Seq: seq, Part: r.IntN(5)}
			if len(m.Observations) > 0 {
				m.Observations = append([]model.Observation(nil), m.Observations...)
				fill(r, reflect.ValueOf(&m.Observations[0].Value.Number).Elem())
				for i := range m.Observations {
					if r.IntN(2) == 0 {
						m.Observations[i].DeviceTime = m.DeviceTime
					}
				}
			}
			want = append(want, &m)
			b.Add(&m)
		}
		body := b.Finish()
		saved := NewDict(1000)
		_, bodies := d.Unsaved()
		for _, one := range bodies {
			if err := saved.Load(one); err != nil {
				t.Fatal(seed, err)
			}
		}
		for _, dict := range []*Dict{d, saved} {
			block, err := p.Open(body, dict)
			if err != nil || block.Len() != len(want) {
				t.Fatal(seed, err)
			}
			for i := range want {
				got, err := block.Message(i)
				if err != nil {
					t.Fatal(seed, i, err)
				}
				if place := differs("Message", reflect.ValueOf(got).Elem(), reflect.ValueOf(want[i]).Elem()); place != "" {
					t.Fatalf("seed %d message %d: %s does not come back; a field of the model must be written by this package", seed, i, place)
				}
			}
		}
	}
}

// A flood of parts that never come again makes no templates.
func TestDictIsBounded(t *testing.T) {
	d := NewDict(10)
	b := NewBuilder(press(t), d)
	for i := range 5000 {
		m := &model.Message{Ref: model.MessageRef{Seq: model.Seq(i + 1)}, Peer: fmt.Sprint("peer", i), Patient: &model.Patient{ID: model.PatientID(fmt.Sprint(i))}}
		b.Add(m)
	}
	if d.Len() > 2 {
		t.Errorf("%d templates", d.Len())
	}
	for i := range 100 {
		for range 2 {
			b.Add(&model.Message{Ref: model.MessageRef{Seq: model.Seq(5000 + i)}, Peer: fmt.Sprint("peer", i)})
		}
	}
	if d.Len() != 10 {
		t.Errorf("%d templates", d.Len())
	}
}

// Every byte of a block is covered: a changed one is found, never read.
func TestDamageIsFound(t *testing.T) {
	p, d := press(t), NewDict(100)
	b := NewBuilder(p, d)
	for _, m := range ward(3, 1) {
		b.Add(m)
	}
	body := append([]byte(nil), b.Finish()...)
	for i := range body {
		body[i] ^= 0x10
		if _, err := p.Open(body, d); fault.CodeOf(err) != "record.damaged" {
			t.Fatalf("byte %d: %v", i, err)
		}
		body[i] ^= 0x10
	}
	for i := range body {
		if _, err := p.Open(body[:i], d); err == nil {
			t.Fatalf("cut at %d: read", i)
		}
	}
}

// ward makes what n monitors send in a number of seconds: 20 numerics each.
func ward(n, seconds int) []*model.Message {
	r := rand.New(rand.NewPCG(1, 2))
	var msgs []*model.Message
	values := make([]int64, n*20)
	for s := range seconds {
		for dev := range n {
			at := time.Date(2026, 11, 21, 10, 0, s, 0, time.UTC)
			stamp := model.Timestamp{UTC: at, Original: at.Format("20060102150405.000-0700"), Precision: "fraction", Zone: model.ZoneMessage}
			m := &model.Message{
				Ref: model.MessageRef{Seq: model.Seq(len(msgs) + 1)}, Channel: "icu", Codec: "hl7v2", Peer: fmt.Sprintf("10.0.0.%d:50000", dev),
				Type: "ORU^R01^ORU_R01", Profile: "IHE_PCD_001", Version: "2.6", ControlID: fmt.Sprintf("MON%d-%d", dev, 1000+s),
				Sender: model.Party{Application: "MONITOR", ApplicationID: fmt.Sprintf("0009FB0000000%03d", dev), Facility: "EUI-64"}, DeviceTime: stamp,
				Arrived: at.Add(time.Duration(r.IntN(1e8))), Recorded: at.Add(2e8),
				Patient: &model.Patient{ID: model.PatientID(fmt.Sprint("pat-", dev)), Identifiers: []model.Identifier{{Value: fmt.Sprint("HO", dev), System: "IHE", Type: "PI"}}, Family: "Schneider", Given: []string{"Anna"}, BirthDate: "1970-01-01", Sex: "female"},
				Visit:   &model.Visit{Class: "I", Place: model.Place{PointOfCare: "ICU", Room: "1", Bed: fmt.Sprint(dev)}},
				Devices: []model.Device{{ID: model.DeviceID(fmt.Sprint("dev-", dev)), Manufacturer: "Acme", Model: "VM-200", Serial: fmt.Sprint(dev), Level: "mds", Parent: -1}, {SubID: "1.1", Level: "vmd"}},
				Routed:  []model.Decision{{Route: "all", Destination: "ehr"}, {Route: "all", Destination: "fhir"}},
			}
			for o := range 20 {
				values[dev*20+o] += r.Int64N(5) - 2
				m.Observations = append(m.Observations, model.Observation{
					Field: fmt.Sprintf("OBX[%d]", o+1), SubID: fmt.Sprintf("1.1.1.%d", o+1), ValueType: "NM",
					Received: model.Coding{Code: fmt.Sprint(150000 + o), Text: fmt.Sprintf("MDC_METRIC_NUMBER_%d", o), System: "MDC"},
					UnitSent: model.Coding{Code: "264864", Text: "MDC_DIM_BEAT_PER_MIN", System: "MDC"},
					Code:     model.Code{MDC: uint32(150000 + o), RefID: fmt.Sprintf("MDC_METRIC_NUMBER_%d", o), LOINC: fmt.Sprintf("88%d-4", o), Name: "Metric"},
					Value:    model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: 800 + values[dev*20+o], Exp: -1}}, UnitUCUM: "/min",
					DeviceTime: stamp, Status: model.StatusFinal, Order: 0,
				})
			}
			msgs = append(msgs, m)
		}
	}
	return msgs
}

func BenchmarkEncode(b *testing.B) {
	msgs := ward(100, 20)
	for _, per := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(per), func(b *testing.B) {
			d := NewDict(16384)
			builder := NewBuilder(press(b), d)
			total := 0
			b.ReportAllocs()
			for i := range b.N {
				builder.Add(msgs[i%len(msgs)])
				if builder.Count() == per || i == b.N-1 {
					total += len(builder.Finish())
				}
			}
			b.ReportMetric(float64(total)/float64(b.N), "B/message")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	msgs := ward(100, 20)
	p, d := press(b), NewDict(16384)
	builder := NewBuilder(p, d)
	var bodies [][]byte
	for _, m := range msgs {
		builder.Add(m)
		if builder.Count() == 50 {
			bodies = append(bodies, append([]byte(nil), builder.Finish()...))
		}
	}
	b.ReportAllocs()
	for i := 0; i < b.N; {
		block, err := p.Open(bodies[(i/50)%len(bodies)], d)
		if err != nil {
			b.Fatal(err)
		}
		for k := range block.Len() {
			if _, err := block.Message(k); err != nil {
				b.Fatal(err)
			}
			i++
		}
	}
}

func FuzzBlock(f *testing.F) {
	p, err := NewPress()
	if err != nil {
		f.Fatal(err)
	}
	d := NewDict(100)
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		b := NewBuilder(p, d)
		for i := range 3 {
			m := random(r)
			m.Ref = model.MessageRef{Seq: model.Seq(i + 1)}
			b.Add(m)
		}
		body := b.Finish()
		f.Add(body[headerBytes:], body[1])
	}
	_, templates := d.Unsaved()
	for _, one := range templates {
		f.Add([]byte(one), byte(2))
	}
	f.Fuzz(func(t *testing.T, bytes []byte, flag byte) {
		if flag == 2 {
			readTemplate(string(bytes))
			return
		}
		body := p.seal(append([]byte{layout, flag & 1, 0, 0, 0, 0}, bytes...))
		block, err := p.Open(body, d)
		if err != nil {
			if fault.CodeOf(err) != "record.damaged" {
				t.Fatal(err)
			}
			return
		}
		for i := range block.Len() {
			m, err := block.Message(i)
			if err != nil {
				continue
			}
			// What was read can be written and read again.
			b := NewBuilder(p, NewDict(0))
			b.Add(m)
			again, err := p.Open(b.Finish(), NewDict(0))
			if err != nil {
				t.Fatal(err)
			}
			if n, err := again.Message(0); err != nil || !reflect.DeepEqual(n, m) {
				t.Fatal(err, differs("Message", reflect.ValueOf(n).Elem(), reflect.ValueOf(m).Elem()))
			}
		}
	})
}
