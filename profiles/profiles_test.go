package profiles

import (
	"os"
	"strings"
	"testing"
	"time"

	"thalamus/internal/builtin"
	"thalamus/internal/flow"
	"thalamus/internal/model"
	"thalamus/internal/profile"
)

// TestCases reads the cases of every profile that is shipped (R12).
func TestCases(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	var force []profile.InForce
	for _, p := range all {
		force = append(force, profile.InForce{Profile: p})
		results, err := flow.Try(p, builtin.Codecs())
		if err != nil {
			t.Error(err)
		}
		for _, r := range results {
			cases++
			for _, d := range r.Problems {
				t.Errorf("%s, case %s, line %d:\n got %s\nwant %s", p.Name, r.Case, d.Line, d.Got, d.Expected)
			}
		}
	}
	if _, err := profile.NewSet(force); err != nil {
		t.Error(err)
	}
	t.Logf("%d cases of %d profiles", cases, len(all))
}

// TestChoice: among all that are shipped, the messages of a profile's cases
// are read with it, by what they say of their sender, by their channel or by their
// name.
func TestChoice(t *testing.T) {
	all, set := shipped(t)
	reader := flow.NewReader(builtin.Codecs(), set)
	for _, p := range all {
		channel := "ward"
		if len(p.AppliesTo.Channel) > 0 {
			channel = strings.TrimSuffix(p.AppliesTo.Channel[0], "*") + "-1"
		}
		topic := ""
		if len(p.AppliesTo.Topic) > 0 {
			topic = strings.ReplaceAll(p.AppliesTo.Topic[0], "*", "1")
		}
		for _, c := range p.Cases() {
			frame := model.Frame{Channel: model.ChannelID(channel), Topic: topic, Codec: p.Codec, Arrived: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Bytes: c.Input}
			for _, m := range reader.Read(model.Entry{Seq: 1, Frame: frame}) {
				if m.ReadWith != p.Ref() {
					t.Errorf("%s, case %s: read with %q", p.Name, c.Name, m.ReadWith)
				}
			}
		}
	}
}

// TestEvidence: nothing is claimed without a source, and nobody claims to have
// tried a device without saying when and where.
func TestEvidence(t *testing.T) {
	all, _ := shipped(t)
	for _, p := range all {
		for _, e := range p.Evidence {
			if e.Shows == "" {
				t.Errorf("%s: the document %q shows nothing", p.Name, e.Document)
			}
		}
		if p.Hardware == "" {
			t.Errorf("%s does not say whether it was tried on a device", p.Name)
		}
		if _, err := files.ReadFile(p.Name + "/README.md"); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

func shipped(t testing.TB) ([]*profile.Profile, *profile.Set) {
	t.Helper()
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	var force []profile.InForce
	for _, p := range all {
		force = append(force, profile.InForce{Profile: p})
	}
	set, err := profile.NewSet(force)
	if err != nil {
		t.Fatal(err)
	}
	return all, set
}

// BenchmarkStranger is what a message of a sender without a profile pays for
// all that are shipped: choosing, and finding none.
func BenchmarkStranger(b *testing.B) {
	_, set := shipped(b)
	m := model.Message{Codec: "hl7v2", Channel: "ward", Type: "ORU^R01^ORU_R01", Sender: model.Party{Application: "SOMEBODY_ELSES_MONITOR"},
		Devices: []model.Device{{Manufacturer: "Somebody", Model: "Else 3000", Parent: -1}}}
	b.ReportAllocs()
	for b.Loop() {
		if p, _ := set.Find(profile.SenderOf(&m)); p != nil {
			b.Fatal(p.Ref())
		}
	}
}

// BenchmarkShipped is what choosing and refining cost a message that a shipped
// profile reads.
func BenchmarkShipped(b *testing.B) {
	all, set := shipped(b)
	reader := flow.NewReader(builtin.Codecs(), set)
	for _, p := range all {
		if p.Name != "philips/efficia-cm" && p.Name != "nihonkohden/bsm" && p.Name != "mindray/vs900" {
			continue
		}
		frame := model.Frame{Channel: "ward", Codec: p.Codec, Arrived: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Bytes: p.Cases()[0].Input}
		m := reader.Read(model.Entry{Seq: 1, Frame: frame})[0]
		b.Run(p.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				found, _ := set.Find(profile.SenderOf(&m))
				found.Refine(&m)
			}
		})
	}
}

// TestRoundTrip: a profile that is copied to a folder is the same profile with
// the same cases.
func TestRoundTrip(t *testing.T) {
	all, _ := shipped(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, files); err != nil {
		t.Fatal(err)
	}
	copied, err := In(os.DirFS(dir))
	if err != nil || len(copied) != len(all) {
		t.Fatalf("%d of %d profiles, %v", len(copied), len(all), err)
	}
	for i, p := range copied {
		if p.Ref() != all[i].Ref() || p.Digest() != all[i].Digest() {
			t.Errorf("%s is another than %s", p.Ref(), all[i].Ref())
		}
		results, err := flow.Try(p, builtin.Codecs())
		if err != nil {
			t.Error(err)
		}
		for _, r := range results {
			if !r.OK {
				t.Errorf("%s, case %s differs", p.Name, r.Case)
			}
		}
	}
}
