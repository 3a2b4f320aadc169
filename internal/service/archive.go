package service

import (
	"archive/zip"
	"context"
	"encoding/json"
	"io"

	"thalamus/internal/waveform"
)

// ManifestName is the file of an archive that says what it holds.
const ManifestName = "export.json"

// OpenWaveforms plans an export of waveforms, audited as waveform.export.
// Its write writes the archive: a ZIP of the files, and what they are; memory
// is bounded, however long the time.
func (d *Door) OpenWaveforms(ctx context.Context, ask WaveformExportAsk) (out WaveformExport, write func(io.Writer) error, err error) {
	if err := d.Call(ctx, "waveform.export", ask, &out); err != nil {
		return out, nil, err
	}
	return out, func(w io.Writer) error { return d.s.writeWaveforms(ctx, w, out) }, nil
}

func (s *Service) writeWaveforms(ctx context.Context, w io.Writer, e WaveformExport) error {
	z := zip.NewWriter(w)
	files := zipped{z}
	f, err := files.Create(ManifestName)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	enc.SetIndent("", "  ")
	if err := enc.Encode(e); err != nil {
		return err
	}
	p := e.plan
	for _, r := range p.all {
		if err := p.format.Write(files, r, p.about, r.Blocks(s.runs(ctx, p.of))); err != nil {
			return err
		}
	}
	return z.Close()
}

// zipped puts files into a ZIP, one after the other.
type zipped struct{ z *zip.Writer }

func (f zipped) Create(name string) (io.Writer, error) {
	return f.z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
}

var _ waveform.Folder = zipped{}
