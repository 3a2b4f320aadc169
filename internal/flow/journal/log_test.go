package journal

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"thalamus/internal/model"
)

func frame(i int, n int) model.Frame {
	b := bytes.Repeat([]byte{byte('a' + i%26)}, n)
	copy(b, fmt.Sprintf("MSH|%d|", i))
	return model.Frame{Channel: "ward", Codec: "hl7v2", Peer: fmt.Sprintf("192.0.2.7:%d", 4000+i%3), Identity: "CN=bed", Arrived: time.Date(2026, 11, 21, 10, 0, 0, i, time.UTC), Bytes: b}
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir, Options{SegmentSize: 1 << 20, Floor: -1})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for p := range 8 {
		wg.Go(func() {
			for i := range 400 {
				if _, err := l.Append(context.Background(), []model.Frame{frame(p*1000+i, 2000)}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if l.Head() != 3200 {
		t.Fatalf("head %d", l.Head())
	}
	check := func(j interface {
		Reader(model.Seq) Reader
		Verify(context.Context, func(Progress)) (Report, error)
	}) {
		t.Helper()
		r := j.Reader(1)
		defer r.Close()
		n := model.Seq(0)
		for {
			batch, err := r.Next(0)
			if err != nil {
				t.Fatal(err)
			}
			if len(batch) == 0 {
				break
			}
			for _, e := range batch {
				n++
				if e.Seq != n || len(e.Bytes) != 2000 || e.Channel != "ward" {
					t.Fatalf("entry %d: %+v", n, e.Seq)
				}
			}
		}
		if n != 3200 {
			t.Fatalf("read %d", n)
		}
		rep, err := j.Verify(context.Background(), nil)
		if err != nil || !rep.OK() || rep.Entries != 3200 {
			t.Fatalf("%+v %v", rep, err)
		}
	}
	check(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	v, err := OpenReadOnly(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	check(v)
	l, err = Open(dir, Options{SegmentSize: 1 << 20, Floor: -1})
	if err != nil {
		t.Fatal(err)
	}
	check(l)
	st, _ := l.Stat()
	t.Logf("%+v", st)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
