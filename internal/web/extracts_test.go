package web_test

import (
	"archive/zip"
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
)

// R22: an extract is begun, followed, fetched and removed in the console; what
// is wrong stands at its field, and who may not does not see it.
func TestExtracts(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "ada", "administrator")
	r.get("/extracts").want(t, 200, "No extracts", "Begin an extract", `href="/extracts"`)
	r.post("/extracts/begin", "form", "csv", "from", "soonish", "reason", "study 12").want(t, 422, "expected a time", `value="soonish"`, `value="study 12"`)
	r.post("/extracts/begin", "form", "xls", "reason", "study 12").want(t, 422, "parquet, fhir or csv")
	r.post("/extracts/begin", "form", "csv", "reason", " ").want(t, 422, "say why")
	p := r.post("/extracts/begin", "form", "csv", "places", "ICU, NICU", "from", "-2h", "reason", "study 12")
	to := p.Header.Get("Location")
	if p.StatusCode != 303 || !strings.HasPrefix(to, "/extracts/ex-") {
		t.Fatalf("%d to %q: %s", p.StatusCode, to, p.body)
	}
	h.Until("it is whole", func() bool { return strings.Contains(r.get(to).body, "Whole</span>") })
	p = r.get(to)
	p.want(t, 200, "ICU, NICU", "study 12", "CSV", "observations", `action="`+to+`/remove"`)
	if strings.Contains(p.body, to+"/stop") || strings.Contains(p.body, to+"/resume") {
		t.Error("what rests can be stopped, or what is whole go on")
	}
	r.get("/extracts").want(t, 200, "1 extract", `href="`+to+`"`, "Whole</span>")
	file := regexp.MustCompile(`href="(` + to + `/files/observations[^"]*)"`).FindStringSubmatch(p.body)
	if file == nil {
		t.Fatalf("no file to fetch: %s", p.body)
	}
	got := r.get(file[1])
	if got.StatusCode != 200 || !strings.HasPrefix(got.body, "entry,part,") || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%d %v %.60q", got.StatusCode, got.Header, got.body)
	}
	if rest := r.get(file[1], "Range", "bytes=6-"); rest.StatusCode != 206 || rest.body != got.body[6:] {
		t.Errorf("the rest of it: %d %.60q", rest.StatusCode, rest.body)
	}
	r.get(to+"/files/none.csv").want(t, 404, "no ")
	for _, role := range []string{"viewer", "engineer"} {
		other := signedIn(t, h, role, role)
		other.get(file[1]).want(t, 403)
		if p := other.post("/extracts/begin", "form", "csv", "reason", "curious"); p.StatusCode != 403 {
			t.Errorf("a %s begins an extract: %d", role, p.StatusCode)
		}
	}
	r.post(to+"/remove", "reason", "").want(t, 422, "say why")
	r.follow(r.post(to+"/remove", "reason", "handed over")).want(t, 200, "The extract is removed.", "No extracts")
	fetched := false
	for _, one := range h.Audited("extract.fetch") {
		fetched = fetched || one.Outcome == "done" && strings.Contains(one.Object, "observations")
	}
	if !fetched {
		t.Error("the download is not in the audit")
	}
}

// R19, R22: a message's waveforms and those of a patient are downloaded in
// each form.
func TestWaveformsAsFiles(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	at := time.Now().UTC().Add(-time.Minute)
	stamp := func(d time.Duration) string { return at.Add(d).Format("20060102150405") + "+0000" }
	seq := h.Send("ORU^R01^ORU_R01", "PID|1||MRN-4321^^^HOSP^MR||Wave^Ada||19500101|F\rPV1|1|I|ICU^1^7\rOBR|1||||||"+stamp(0)+"|"+stamp(time.Second)+"\r"+
		"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON-77^^MON-77^EUI-64\r"+
		"OBX|2|NA|131330^MDC_ECG_ELEC_POTL_II^MDC|1.1.1.1|"+strings.Repeat("1^2^", 50)+"3|266418^MDC_DIM_MILLI_VOLT^MDC|||||F\r"+
		"OBX|3|NM|67981^MDC_ATTR_SAMP_RATE^MDC|1.1.1.1.1|100|264608^MDC_DIM_PER_SEC^MDC|||||F")
	r := signedIn(t, h, "ada", "administrator")
	page := "/messages/" + strconv.FormatUint(uint64(seq), 10)
	p := r.get(page)
	if !strings.Contains(p.body, "/waveforms/wfdb") {
		t.Fatalf("no waveform to download: %s", p.body)
	}
	patient := regexp.MustCompile(`/patients/pat-[0-9a-z-]+`).FindString(p.body)
	for _, form := range []string{"wfdb", "edf", "fhir", "csv"} {
		for _, from := range []string{page, patient} {
			p := r.get(from + "/waveforms/" + form)
			if p.StatusCode != 200 || p.Header.Get("Content-Type") != "application/zip" {
				t.Errorf("%s as %s: %d %s", from, form, p.StatusCode, p.Header.Get("Content-Type"))
				continue
			}
			z, err := zip.NewReader(bytes.NewReader([]byte(p.body)), int64(len(p.body)))
			if err != nil || len(z.File) < 2 {
				t.Errorf("%s as %s: %v", from, form, err)
			}
		}
	}
	r.get(page+"/waveforms/mp3").want(t, 400)
	if len(h.Audited("waveform.export")) < 8 {
		t.Error("the downloads are not in the audit")
	}
}
