package fhir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/fhir"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
)

// corpus is the folder of messages nobody here wrote.
func corpus(t testing.TB) string {
	t.Helper()
	folder := os.Getenv("THALAMUS_CORPUS")
	if folder == "" {
		folder = filepath.Join(fhir.Root(t), "..", "shared", "corpus")
	}
	if _, err := os.Stat(folder); err != nil {
		t.Skip("corpus not present")
	}
	return folder
}

// read decodes and normalises a file as the server does.
func read(t testing.TB, file string) []*model.Message {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoded := clinical.New().Decode(model.Entry{Seq: 1, Frame: model.Frame{Channel: "corpus", Codec: "hl7v2", Arrived: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Bytes: text}}, codec.Context{})
	var list []*model.Message
	for i := range decoded {
		normalise.Normalise(&decoded[i], normalise.Context{})
		list = append(list, &decoded[i])
	}
	return list
}

func files(t testing.TB, folders ...string) []string {
	t.Helper()
	var all []string
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(corpus(t), folder), func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (strings.HasSuffix(path, ".hl7") || strings.HasSuffix(path, ".txt")) {
				all = append(all, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestCorpusValid: bundles made of messages nobody here wrote are whole and
// valid R4 by both validators.
func TestCorpusValid(t *testing.T) {
	bundles := map[string][]byte{}
	observations := 0
	for _, file := range files(t, "hl7v2-to-fhir", "hl7v2-devices", "hl7v2-syntax/extracted", "hl7v2-syntax/roundtrip-and-errors") {
		for i, m := range read(t, file) {
			one := []*model.Message{m}
			bundle := fhir.Bundle(one, fhir.Options{})
			if bundle == nil {
				continue
			}
			fhir.Whole(t, bundle)
			bundles[filepath.Base(file)+" "+string(rune('0'+i%10))] = bundle
			observations += len(m.Observations)
		}
	}
	t.Logf("%d bundles of %d observations", len(bundles), observations)
	if len(bundles) < 150 || observations < 400 {
		t.Error("too few of them: is the corpus whole?")
	}
	for _, v := range fhir.Validate(t, bundles) {
		if len(v.FHIR)+len(v.Medplum) > 0 {
			t.Errorf("%s is not valid R4\n  fhir: %.800q\n  medplum: %.800q", v.Name, v.FHIR, v.Medplum)
		}
	}
}
