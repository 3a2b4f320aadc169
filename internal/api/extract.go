package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// opener is a door through which files of extracts can be had.
type opener interface {
	OpenExtract(ctx context.Context, id, name string) (*os.File, service.ExtractedFile, error)
}

// extractPath is where the bytes of an extract's files are.
const extractPath = "/api/v1/extract/file"

// serveExtract streams a finished file of an extract, or the range of it that
// is asked for (RFC 9110 §14), so that a cut download goes on.
func (s *Server) serveExtract(w http.ResponseWriter, r *http.Request) {
	caller, err := s.authenticate(r)
	if err != nil {
		WriteProblem(w, err)
		return
	}
	door, ok := caller.(opener)
	if !ok {
		WriteProblem(w, fault.New(fault.Broken, "api.stream", "this connection cannot stream"))
		return
	}
	f, file, err := door.OpenExtract(r.Context(), r.URL.Query().Get("id"), r.URL.Query().Get("file"))
	if err != nil {
		WriteProblem(w, err)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", extractMedia(file.Name))
	w.Header().Set("Content-Disposition", `attachment; filename="`+path.Base(file.Name)+`"`)
	if file.SHA256 != "" {
		w.Header().Set("ETag", `"`+file.SHA256+`"`)
	}
	http.ServeContent(w, r, "", time.Time{}, f)
}

// extractMedia is the media type of a file of an extract.
func extractMedia(name string) string {
	switch path.Ext(name) {
	case ".parquet":
		return "application/vnd.apache.parquet"
	case ".ndjson":
		return "application/fhir+ndjson" // FHIR Bulk Data Access IG, "File Request"
	case ".csv":
		return "text/csv; charset=utf-8; header=present"
	}
	return "application/json"
}

func describeExtractFile() object {
	return object{"get": object{
		"operationId": "extract.file", "summary": "The bytes of a finished file of an extract.", "x-permission": "extract.fetch",
		"description": "Takes Range, so that a cut download goes on; the ETag is the file's SHA-256. Every request is audited as extract.fetch.",
		"tags":        []string{"extract"},
		"parameters": []object{
			{"name": "id", "in": "query", "required": true, "description": "id of the extract", "schema": object{"type": "string"}},
			{"name": "file", "in": "query", "required": true, "description": "name of the file, as extract.get lists it, or extract.json once the extract is whole", "schema": object{"type": "string"}},
		},
		"responses": withErrors(object{"200": object{"description": "The file.", "content": object{"application/octet-stream": object{"schema": object{"type": "string", "format": "binary"}}}}}),
	}}
}

// Download gives the bytes of an extract's file from an offset on to the writer
// that begin makes; begin is told from where they really are, 0 for the whole
// file.
func (c *Client) Download(ctx context.Context, id, name string, offset int64, begin func(from int64) (io.Writer, error)) error {
	q := url.Values{"id": {id}, "file": {name}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+extractPath+"?"+q.Encode(), nil)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "api.address", "not the address of a server").At(c.place)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if offset > 0 {
		r.Header.Set("Range", "bytes="+strconv.FormatInt(offset, 10)+"-")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		offset = 0
	case http.StatusPartialContent:
	case http.StatusRequestedRangeNotSatisfiable: // what is here already is all of it, or not of it
		answer.Body.Close()
		return c.Download(ctx, id, name, 0, begin)
	default:
		return problemFault(answer)
	}
	w, err := begin(offset)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, answer.Body); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if own, ok := errors.AsType[*fault.Fault](err); ok {
			return own // the writer's
		}
		return fault.Wrap(err, fault.Transient, "api.unreachable", "the download was cut; call again, and it goes on where it was").At(c.place)
	}
	return nil
}
