package ui

import (
	"io"
	"net/http"
	"time"

	"thalamus/internal/service"
)

// WaveForm is a form in which waveforms can be had.
type WaveForm struct{ ID, Name string }

// WaveForms lists the forms in which waveforms can be had, as waveform.export
// takes them.
func WaveForms() []WaveForm {
	return []WaveForm{{"wfdb", "WFDB"}, {"edf", "EDF+"}, {"fhir", "FHIR SampledData"}, {"csv", "CSV"}}
}

// Archive answers with waveforms as a ZIP of files. What fails once it has
// begun cuts it, so that nobody takes it for whole.
func Archive(v *Visit, w http.ResponseWriter, ask service.WaveformExportAsk) error {
	_, write, err := v.Door.OpenWaveforms(v.Context(), ask)
	if err != nil {
		return err
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // as long as it takes
	out := &archive{w: w, form: ask.Form}
	switch err := write(out); {
	case err != nil && !out.begun:
		return err
	case err != nil:
		_ = control.SetWriteDeadline(time.Unix(1, 0))
	}
	return nil
}

// archive sets the headers of a ZIP with its first bytes.
type archive struct {
	w     http.ResponseWriter
	form  string
	begun bool
}

var _ io.Writer = (*archive)(nil)

func (a *archive) Write(p []byte) (int, error) {
	if !a.begun {
		a.begun = true
		a.w.Header().Set("Content-Type", "application/zip")
		a.w.Header().Set("Content-Disposition", `attachment; filename="waveforms-`+a.form+`.zip"`)
	}
	return a.w.Write(p)
}
