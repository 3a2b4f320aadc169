package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// archivist is a door through which waveforms can be had as files.
type archivist interface {
	OpenWaveforms(ctx context.Context, ask service.WaveformExportAsk) (service.WaveformExport, func(io.Writer) error, error)
}

// archivePath is where the bytes of exported waveforms are.
const archivePath = "/api/v1/waveform/archive"

// serveArchive streams an export of waveforms as ZIP. What fails once the
// stream has begun cuts it, so that nobody takes it for whole.
func (s *Server) serveArchive(w http.ResponseWriter, r *http.Request) {
	caller, err := s.authenticate(r)
	if err != nil {
		WriteProblem(w, err)
		return
	}
	var ask service.WaveformExportAsk
	if r.Method == http.MethodPost {
		err = readBody(w, r, &ask)
	} else {
		err = readQuery(r.URL.Query(), s.ops["waveform.export"], &ask)
	}
	if err != nil {
		WriteProblem(w, err)
		return
	}
	door, ok := caller.(archivist)
	if !ok {
		WriteProblem(w, fault.New(fault.Broken, "api.stream", "this connection cannot stream"))
		return
	}
	_, write, err := door.OpenWaveforms(r.Context(), ask)
	if err != nil {
		WriteProblem(w, err)
		return
	}
	out := &begun{w: w}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // as long as it takes
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="waveforms-`+ask.Form+`.zip"`)
	switch err := write(out); {
	case err == nil:
	case !out.any:
		w.Header().Del("Content-Disposition")
		WriteProblem(w, err)
	default:
		_ = control.SetWriteDeadline(time.Unix(1, 0))
	}
}

// begun knows whether anything was written.
type begun struct {
	w   io.Writer
	any bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.any = true
	return b.w.Write(p)
}

func describeArchive(op service.Op) (object, error) {
	path, err := describePath(op, Schemas())
	if err != nil {
		return nil, err
	}
	for method, id := range map[string]string{"get": "waveform.archive.query", "post": "waveform.archive"} {
		d := path[method].(object)
		d["operationId"], d["summary"] = id, "Waveforms as files, in a ZIP archive."
		d["description"] = "Holds patients' data: every look is audited as waveform.export. export.json in the archive says what the files are. An archive that was cut has no end."
		d["responses"] = withErrors(object{"200": object{"description": "The archive.", "content": object{"application/zip": object{"schema": object{"type": "string", "format": "binary"}}}}})
	}
	return path, nil
}

// Waveforms writes an export of waveforms, a ZIP archive, to out.
func (c *Client) Waveforms(ctx context.Context, ask service.WaveformExportAsk, out io.Writer) error {
	body, err := json.Marshal(ask)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "api.body", "the request cannot be written as JSON")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+archivePath, bytes.NewReader(body))
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "api.address", "not the address of a server").At(c.place)
	}
	r.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return problemFault(answer)
	}
	if _, err := io.Copy(out, answer.Body); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Wrap(err, fault.Transient, "api.unreachable", "the archive was cut; call again").At(c.place)
	}
	return nil
}
