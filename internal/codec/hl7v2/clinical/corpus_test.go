package clinical_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/model"
)

// corpus gives the messages that nobody here wrote.
func corpus(t *testing.T) []string {
	dir := os.Getenv("THALAMUS_CORPUS")
	if dir == "" {
		dir = "../../../../../shared/corpus"
	}
	var all []string
	for _, pattern := range []string{"hl7v2-syntax/extracted/*", "hl7v2-to-fhir/messages/*", "hl7v2-to-fhir/ig/conversions/*.hl7", "hl7v2-to-fhir/ig/conversions/*.txt", "hl7v2-devices/*"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		all = append(all, found...)
	}
	if len(all) == 0 {
		t.Skip("corpus not present")
	}
	return all
}

// Every field of every message of the corpus is read, is on the list of what
// is left with its reason, or has an issue; and what is read of OBX and PID
// can be found in the result, word for word.
func TestCorpusLosesNothing(t *testing.T) {
	counts := map[string]int{}
	issues := map[string]int{}
	files := corpus(t)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out := invariants(t, b)
		batch, err := hl7v2.SplitBatch(b)
		if err != nil {
			if len(out[0].Issues) == 0 || out[0].Issues[0].Severity != model.Error {
				t.Errorf("%s: cannot be read, and no error issue says so", filepath.Base(file))
			}
			counts["not HL7"]++
			continue
		}
		for _, m := range out {
			counts["messages"]++
			counts["observations"] += len(m.Observations)
			counts["waveforms"] += len(m.Waveforms)
			counts["alerts"] += len(m.Alerts)
			counts["devices"] += len(m.Devices)
			if m.Patient != nil {
				counts["patients"]++
			}
			if m.Event != nil {
				counts["events"]++
			}
			for _, is := range m.Issues {
				issues[is.Code]++
			}
		}
		for _, raw := range batch.Messages {
			parsed, err := hl7v2.Parse(raw)
			if err != nil {
				continue
			}
			lost(t, filepath.Base(file), parsed, out, counts)
		}
	}
	t.Logf("%d files: %v", len(files), counts)
	var codes []string
	for c := range issues {
		codes = append(codes, c)
	}
	sort.Strings(codes)
	for _, c := range codes {
		t.Logf("%6d %s", issues[c], c)
	}
}

// verbatim are the fields whose texts must be found in the result as sent.
var verbatim = map[string][]int{"OBX": {2, 3, 4, 5, 6, 7, 8, 14, 17, 20}, "PID": {3, 18}, "PV1": {2, 3, 19, 44, 45}, "OBR": {2, 3, 4}, "NTE": {3}, "MRG": {1}, "MSH": {3, 4, 5, 6, 7, 10, 12}}

func lost(t *testing.T, file string, parsed *hl7v2.Message, m []model.Message, counts map[string]int) {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var flat strings.Builder
	flatten(text, &flat)
	result := flat.String()
	for i, s := range parsed.Segments() {
		if i > 0 && s.Is("MSH") {
			break
		}
		id := s.ID()
		for n, e := range s.Fields() {
			if !e.Present() || e.IsNull() {
				continue
			}
			counts["fields"]++
			switch clinical.FieldStatus(id, n) {
			case "read":
				counts["fields read"]++
				if id == "OBX" && joinsAnother(s) {
					continue
				}
				for _, v := range verbatim[id] {
					if v == n {
						words(t, file, e, result, m)
					}
				}
			case "left":
				counts["fields left"]++
			default:
				counts["fields with an issue"]++
				if !hasIssue(m, id) {
					t.Errorf("%s: %s is neither read nor left nor reported", file, e.Path())
				}
			}
		}
	}
}

// joinsAnother knows the OBX that become part of a waveform, an alert or a
// device: their codes decide where their value goes and are not kept. The
// golden cases show that the values arrive.
func joinsAnother(s hl7v2.Segment) bool {
	if s.Field(2).Is("NA") || !s.Field(5).Present() && strings.HasPrefix(s.Field(3).Component(2).Text(), "MDC_DEV_") {
		return true
	}
	switch s.Field(3).Component(2).Text() {
	case "MDC_ATTR_SAMP_RATE", "MDC_ATTR_DATA_RANGE", "MDC_ATTR_AL_COND", "MDC_ATTR_ALERT_SOURCE", "MDC_ATTR_EVENT_PHASE", "MDC_ATTR_ALARM_STATE",
		"MDC_ATTR_ALARM_INACTIVATION_STATE", "MDC_ATTR_ALARM_PRIORITY", "MDC_ATTR_ALERT_TYPE", "MDC_EVT_ALARM":
		return true
	}
	return false
}

// words looks for each text of a field in the result.
func words(t *testing.T, file string, e hl7v2.Element, result string, m []model.Message) {
	t.Helper()
	for _, rep := range e.Reps() {
		for n, c := range rep.Components() {
			if n > 6 && !strings.HasPrefix(rep.Path(), "OBX") {
				continue
			}
			for _, sub := range c.Subs() {
				w := strings.TrimSpace(sub.Text())
				if w == "" || sub.IsNull() || strings.Contains(result, w) || reported(m, sub.Path()) || expected(e, sub.Path(), n, w) {
					continue
				}
				t.Errorf("%s: %s holds a text that is not in the result: %.60q", file, sub.Path(), w)
			}
		}
	}
}

// expected are the components that are read in another form, or not at all.
func expected(e hl7v2.Element, path string, component int, w string) bool {
	at := strings.IndexByte(path, '-')
	field := path[:3] + path[at:]
	switch {
	case strings.HasPrefix(field, "PID-") || strings.HasPrefix(field, "MRG-") || strings.HasPrefix(field, "PV1-19"):
		return component != 1 && component != 5 || !e.Component(1).Present() // authority: one of its parts; check digits
	case strings.HasPrefix(field, "PV1-3"):
		return component > 3 || strings.Count(path[at:], ".") == 2 // a sub-component: the authority of a part
	case strings.HasPrefix(field, "PV1-2"):
		return component > 1
	case strings.HasPrefix(field, "OBR-"):
		return component > 1
	case strings.HasPrefix(field, "MSH-"):
		return component > 1
	case strings.HasPrefix(field, "OBX-3") || strings.HasPrefix(field, "OBX-6") || strings.HasPrefix(field, "OBX-17") || strings.HasPrefix(field, "OBX-20"):
		return component > 3 // the second triplet where it has a place, versions
	case strings.HasPrefix(field, "OBX-5") && (w == "AP" || w == "JPEG" || w == "IM" || w == "PDF"):
		return true // becomes a media type
	case strings.HasPrefix(field, "OBX-5"):
		_, err := model.ParseDecimal(w)
		return err == nil || component > 3 || w == "=" // numbers may be written otherwise; a second triplet
	case strings.HasPrefix(field, "OBX-14"):
		return component > 1
	}
	return false
}

// reported tells whether an issue says that the field was not understood.
func reported(all []model.Message, path string) bool {
	for _, m := range all {
		for _, is := range m.Issues {
			if is.Field != "" && (strings.HasPrefix(is.Field, path) || strings.HasPrefix(path, is.Field)) {
				return true
			}
		}
	}
	return false
}

func hasIssue(all []model.Message, id string) bool {
	for _, m := range all {
		for _, is := range m.Issues {
			if strings.HasPrefix(is.Field, id) {
				return true
			}
		}
	}
	return false
}

// flatten writes all texts of a JSON value, one a line.
func flatten(raw []byte, to *strings.Builder) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	for {
		tok, err := dec.Token()
		if err != nil {
			return
		}
		switch v := tok.(type) {
		case string:
			to.WriteString(v + "\n")
		case json.Number:
			to.WriteString(v.String() + "\n")
		}
	}
}
