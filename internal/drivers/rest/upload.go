package rest

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
)

// Uploads in parts follow draft-ietf-httpbis-resumable-upload-09: POST with
// Upload-Complete creates (§4.2), HEAD tells the offset (§4.3), PATCH goes on
// from it (§4.4), DELETE gives up (§4.5).

// uploadPrefix begins the name of an upload, which is also its receipt.
const uploadPrefix = "u-"

// partialUpload is the content type of a PATCH (§7.1 of the draft).
const partialUpload = "application/partial-upload"

// wrongOffset is a PATCH that does not begin where the upload ends.
type wrongOffset struct {
	*fault.Fault
	offset int64
}

func (w *wrongOffset) Unwrap() error { return w.Fault }

// completes reads Upload-Complete, a boolean (RFC 9651 §3.3.6).
func completes(r *http.Request) (bool, error) {
	switch r.Header.Get("Upload-Complete") {
	case "?1":
		return true, nil
	case "?0":
		return false, nil
	}
	return false, fault.New(fault.Invalid, "rest.upload-header", "expected ?1 when this is the last part, else ?0").At("Upload-Complete")
}

func integer(r *http.Request, name string) (n int64, told bool, err error) {
	text := r.Header.Get(name)
	if text == "" {
		return 0, false, nil
	}
	n, err = strconv.ParseInt(text, 10, 63)
	if err != nil || n < 0 {
		return 0, true, fault.New(fault.Invalid, "rest.upload-header", "expected a number of bytes").At(name)
	}
	return n, true, nil
}

// beginUpload makes an upload; a body is its first part.
func (d *Driver) beginUpload(w http.ResponseWriter, r *http.Request, s *sender) error {
	if d.settings.MaxUpload == 0 || d.uploads.folder == "" {
		return fault.New(fault.Invalid, "rest.no-uploads", "this channel takes no uploads in parts")
	}
	last, err := completes(r)
	if err != nil {
		return err
	}
	f, err := d.formatOf(r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	topic, err := s.topic(r.URL.Query().Get("topic"))
	if err != nil {
		return err
	}
	key, err := keyOf(r)
	if err != nil {
		return err
	}
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity", "gzip", "x-gzip", "zstd":
	default:
		return fault.New(fault.Invalid, "rest.encoding", "this compression is not known; send gzip, zstd or none").At("Content-Encoding")
	}
	length, told, err := integer(r, "Upload-Length")
	if err != nil {
		return err
	}
	if !told {
		length = -1
	}
	if length > d.settings.MaxUpload {
		return fault.New(fault.Invalid, "rest.oversize", "an upload may have at most %d bytes", d.settings.MaxUpload).At("Upload-Length")
	}
	u, err := d.uploads.make(meta{Who: s.who(), Identity: s.identity, Peer: s.peer, Name: f.name, Codec: f.codec, Media: f.media, Type: r.Header.Get("Content-Type"),
		Encoding: r.Header.Get("Content-Encoding"), Topic: topic, Key: key, Length: length, Changed: time.Now().UTC()})
	if err != nil {
		return err
	}
	w.Header().Set("Location", d.at(u.id))
	w.Header().Set("Upload-Limit", d.uploads.limit())
	if key != "" && (u.offset() > 0 || u.whole()) { // the answer to the first request was lost
		return d.uploaded(w, r, s, u, http.StatusCreated)
	}
	return d.append(w, r, s, u, 0, last, http.StatusCreated)
}

// upload is a request for an upload there is.
func (d *Driver) upload(w http.ResponseWriter, r *http.Request, s *sender, id string) error {
	u := d.uploads.get(id)
	if u == nil || u.who() != s.who() {
		return fault.New(fault.Absent, "rest.absent", "there is no such upload of this sender; unfinished ones are given up after %s without a part", d.settings.UploadKeep)
	}
	switch r.Method {
	case http.MethodHead:
		return d.uploaded(w, r, s, u, http.StatusNoContent)
	case http.MethodGet:
		out, err := d.standingOf(r, s, u)
		if err == nil {
			d.write(w, http.StatusOK, out)
		}
		return err
	case http.MethodDelete:
		if err := d.uploads.giveUp(u); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodPatch:
		if t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(t) != partialUpload {
			w.Header().Set("Accept-Patch", partialUpload)
			return fault.New(fault.Invalid, "rest.media", "a part has the type %s", partialUpload).At("Content-Type")
		}
		last, err := completes(r)
		if err != nil {
			return err
		}
		at, told, err := integer(r, "Upload-Offset")
		if err == nil && !told {
			err = fault.New(fault.Invalid, "rest.upload-header", "say where this part begins").At("Upload-Offset")
		}
		if err != nil {
			return err
		}
		return d.append(w, r, s, u, at, last, http.StatusNoContent)
	}
	w.Header().Set("Allow", "HEAD, GET, PATCH, DELETE")
	return fault.New(fault.Invalid, "rest.method", "this method does nothing here")
}

// append adds a part. What came of a part that broke off stays.
func (d *Driver) append(w http.ResponseWriter, r *http.Request, s *sender, u *upload, at int64, last bool, status int) error {
	part, err := u.begin(at, last)
	if err != nil {
		return err
	}
	if part == nil { // it is whole, and this was the last part of it
		return d.uploaded(w, r, s, u, status)
	}
	body := &live{body: r.Body, ctl: http.NewResponseController(w), stall: d.settings.Stall}
	read := d.uploads.copy(part, body, r.ContentLength)
	d.limits.spend(s.who(), body.total, time.Now())
	if err := part.end(last && read == nil); err != nil {
		return err
	}
	if read != nil {
		if fault.CodeOf(read) == "internal" {
			read = d.broken(s, read)
		}
		return read
	}
	if last {
		d.uploads.start(u)
	}
	return d.uploaded(w, r, s, u, status)
}

// uploaded answers how an upload is: its offset, or when it is whole 202.
func (d *Driver) uploaded(w http.ResponseWriter, r *http.Request, s *sender, u *upload, status int) error {
	h := w.Header()
	h.Set("Upload-Offset", strconv.FormatInt(u.offset(), 10))
	h.Set("Cache-Control", "no-store")
	h.Set("Upload-Limit", d.uploads.limit())
	if n := u.length(); n >= 0 {
		h.Set("Upload-Length", strconv.FormatInt(n, 10))
	}
	if !u.whole() {
		h.Set("Upload-Complete", "?0")
		w.WriteHeader(status)
		return nil
	}
	h.Set("Upload-Complete", "?1")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	// What is whole is durable already; who waits a little sees it journaled.
	select {
	case <-u.settled:
	case <-r.Context().Done():
	case <-d.ending:
	case <-time.After(5 * time.Second):
	}
	out, err := d.standingOf(r, s, u)
	if err != nil {
		return err
	}
	h.Set("Location", d.at(u.id))
	d.write(w, http.StatusAccepted, out)
	return nil
}

// standingOf tells how far an upload has come.
func (d *Driver) standingOf(r *http.Request, s *sender, u *upload) (standing, error) {
	out := standing{Receipt: u.id, State: stateReceiving}
	if !u.whole() {
		return out, nil
	}
	m := u.snapshot()
	if m.Failed != nil {
		return out, m.Failed.fault()
	}
	out.Results = m.Results
	if len(m.Spans) > 0 && d.host.Progress != nil {
		from, err := fromEntry(r)
		if err != nil {
			return out, err
		}
		if err := d.count(r.Context(), s, m.Spans, from, &out); err != nil {
			return out, err
		}
	}
	if !m.Done {
		out.State = stateReceived
	} else if out.State == stateReceiving {
		out.State = stateJournaled
	}
	return out, nil
}

// copy adds what comes to a part's file, as long as there is space.
func (us *uploads) copy(p *part, from io.Reader, length int64) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if p.at+int64(n) > us.d.settings.MaxUpload || p.u.length() >= 0 && p.at+int64(n) > p.u.length() {
				return fault.New(fault.Invalid, "rest.oversize", "the upload is longer than was told, or than the channel takes (%d bytes)", us.d.settings.MaxUpload)
			}
			if us.used.Add(int64(n)) > us.d.settings.UploadSpace {
				us.used.Add(-int64(n))
				return fault.New(fault.Transient, "rest.upload-space", "unfinished uploads take all the disk space they may; go on later")
			}
			if _, werr := p.file.Write(buf[:n]); werr != nil {
				us.used.Add(-int64(n))
				return uploadFault(werr)
			}
			p.at += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func uploadFault(err error) error {
	return fault.Wrap(err, fault.Transient, "rest.upload-disk", "the part cannot be written to the disk; go on later")
}
