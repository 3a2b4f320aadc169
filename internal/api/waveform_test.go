package api_test

import (
	"archive/zip"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// R22: waveforms as an archive, by GET, by POST and by the client, for who may.
func TestWaveformArchive(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	token, _ := h.Token("engineer")
	viewer, _ := h.Token("viewer")
	client := h.Client(token)
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-885523^^^HOSP^MR||Vrombaut^Ottokar\rOBR|1||||||20261121120000.000+0000\r"+
		"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON-11^^MON-11^EUI-64\r"+
		"OBX|2|NA|131330^MDC_ECG_ELEC_POTL_II^MDC|1.1.1.1|1^2^3|266418^MDC_DIM_MILLI_VOLT^MDC|||||F\r"+
		"OBX|3|NM|67981^MDC_ATTR_SAMP_RATE^MDC|1.1.1.1.1|100|264608^MDC_DIM_PER_SEC^MDC|||||F")
	var list service.List[service.DeviceRow]
	h.Call("device.list", service.DeviceAsk{Text: "MON-11"}, &list)
	if len(list.Rows) != 1 {
		t.Fatalf("%d devices", len(list.Rows))
	}
	who := list.Rows[0].ID
	query := "?form=csv&device=" + string(who) + "&from=2026-11-21T11:00:00Z&until=2026-11-21T13:00:00Z"
	path := "/api/v1/waveform/archive"
	holds := func(b []byte) {
		t.Helper()
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil || len(z.File) != 2 || z.File[0].Name != service.ManifestName || !strings.HasSuffix(z.File[1].Name, ".csv") {
			t.Fatalf("%v: %q", err, b)
		}
	}
	status, head, body := ask(t, h, token, "GET", path+query, "", "")
	if status != http.StatusOK || head.Get("Content-Type") != "application/zip" {
		t.Fatalf("%d %s", status, body)
	}
	holds([]byte(body))
	var b bytes.Buffer
	request := service.WaveformExportAsk{Form: "csv"}
	request.Device, request.From, request.Until = who, list.Rows[0].LastSeen.AddDate(-1, 0, 0), list.Rows[0].LastSeen.AddDate(0, 0, 1)
	if err := client.Waveforms(t.Context(), request, &b); err != nil {
		t.Fatal(err)
	}
	holds(b.Bytes())
	request.Form = "mp3"
	if err := client.Waveforms(t.Context(), request, &b); fault.KindOf(err) != fault.Invalid {
		t.Error(err)
	}
	for _, c := range []struct {
		method, token, query, body string
		status                     int
	}{
		{"GET", "", query, "", http.StatusUnauthorized},
		{"GET", viewer, query, "", http.StatusForbidden},
		{"GET", token, "?form=csv", "", http.StatusBadRequest},
		{"GET", token, query + "&speed=fast", "", http.StatusBadRequest},
		{"POST", token, "", `{"form":"csv","device":"dev-none"}`, http.StatusOK},
		{"POST", token, "", `{"form":`, http.StatusBadRequest},
		{"DELETE", token, "", "", http.StatusNotFound},
	} {
		kind := ""
		if c.body != "" {
			kind = "application/json"
		}
		if status, _, body := ask(t, h, c.token, c.method, path+c.query, kind, c.body); status != c.status {
			t.Errorf("%s %s %s: %d %s", c.method, c.query, c.body, status, body)
		}
	}
}
