package rest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"thalamus/internal/fault"
)

// Bounds of one offer of an upload's rows.
const (
	offerRows  = 2000
	offerBytes = 4 << 20
)

// journal brings a whole upload into the journal, from where it was left. It
// goes on until it is done or the channel stops; a disk that is full for a
// while is waited for.
func (us *uploads) journal(u *upload) {
	pause := 100 * time.Millisecond
	for {
		err := us.tryJournal(u)
		if err == nil || us.d.ctx.Err() != nil {
			break
		}
		if fault.KindOf(err) == fault.Invalid {
			us.fail(u, err)
			break
		}
		us.d.notes.Add(u.snapshot().Peer, "rest.not-stored", "an upload waits on its way to the journal: "+textOf(err), "See what the fault says; it goes on by itself.")
		select {
		case <-us.d.ending:
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, 10*time.Second)
	}
	m := u.snapshot()
	if m.Done || m.Failed != nil {
		us.used.Add(-m.Offset)
		close(u.settled)
		if err := os.Remove(filepath.Join(u.folder, contentName)); err != nil {
			us.d.notes.Add("", "rest.upload-disk", "the content of a finished upload cannot be removed: "+err.Error(), "Look at the channel's folder.")
		}
	}
}

func (us *uploads) fail(u *upload, err error) {
	us.d.notes.Refused(u.snapshot().Peer, fault.CodeOf(err), "an upload was refused: "+textOf(err), "Have the sender correct it; the status of the upload tells the place.")
	u.mu.Lock()
	defer u.mu.Unlock()
	u.m.Failed = &metaFault{Code: fault.CodeOf(err), Text: textOf(err), Place: placeOf(err)}
	u.m.Changed = time.Now().UTC()
	if err := u.save(); err != nil {
		us.d.notes.Add("", "rest.upload-disk", "what became of an upload cannot be written: "+err.Error(), "Look at the disk.")
	}
}

// tryJournal offers the rows that are not journaled yet.
func (us *uploads) tryJournal(u *upload) error {
	m := u.snapshot()
	f, err := os.Open(filepath.Join(u.folder, contentName))
	if err != nil {
		return uploadFault(err)
	}
	defer f.Close()
	plain, done, err := decompress(m.Encoding, bufio.NewReaderSize(f, 256<<10))
	if err != nil {
		return damaged(err)
	}
	defer done()
	bounded := &io.LimitedReader{R: plain, N: 8*us.d.settings.MaxUpload + 1}
	o := offering{us: us, u: u, m: m, sender: &sender{peer: m.Peer, identity: m.Identity}, format: format{name: m.Name, codec: m.Codec, media: m.Media}}
	if err := o.rows(bounded); err != nil {
		return damaged(err)
	}
	if bounded.N <= 0 {
		return fault.New(fault.Invalid, "rest.oversize", "decompressed, the upload is longer than is taken")
	}
	if err := o.flush(); err != nil {
		return err
	}
	if o.count == 0 && o.taken == 0 && len(u.snapshot().Spans) == 0 {
		return fault.New(fault.Invalid, "rest.nothing", "the upload is empty, or no row of it can be taken")
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.m.Done, u.m.Changed = true, time.Now().UTC()
	if err := u.save(); err != nil {
		u.m.Done = false
		return uploadFault(err)
	}
	return nil
}

// damaged makes a fault of a compressed stream that breaks off.
func damaged(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "rest.not-compressed", "the compressed upload breaks off before its end")
	}
	return err
}

// offering hands rows to intake, several at a time.
type offering struct {
	us     *uploads
	u      *upload
	m      meta
	sender *sender
	format format

	count  int // rows seen
	taken  int // of them, entries made in this run
	frames [][]byte
	marks  []mark // of the frames
	bytes  int
	said   []row
}

// mark says which row a frame is, or begins with.
type mark struct {
	name string
	row  int
}

// rows cuts what is read into rows by the format.
func (o *offering) rows(from io.Reader) error {
	most := o.us.d.settings.MaxBody
	switch o.format.name {
	case "ndjson":
		return o.lines(from, most)
	case "csv":
		return o.table(from, most)
	case "hl7v2":
		return o.messages(from, most)
	}
	doc, err := io.ReadAll(io.LimitReader(from, int64(most)+1))
	if err != nil {
		return err
	}
	if len(doc) > most {
		return fault.New(fault.Invalid, "rest.oversize", "one document has at most %d bytes; send NDJSON, a document a line", most)
	}
	c, err := split(o.format, doc, o.us.d.settings.MaxRows)
	if err != nil {
		return err
	}
	return o.add(c.frames[0], mark{}, nil)
}

// addRow takes what is one row.
func (o *offering) addRow(frame []byte, refused error) error {
	return o.add(frame, mark{propRow, o.count + 1}, refused)
}

// add takes one entry; a refused one is told and left out.
func (o *offering) add(frame []byte, m mark, refused error) error {
	o.count++
	if o.count <= o.m.Rows {
		return nil // it is in the journal since the last run
	}
	if refused != nil {
		if len(o.said) < mostSaid {
			o.said = append(o.said, row{Row: o.count, State: rowRefused, Code: fault.CodeOf(refused), Place: placeOf(refused), Detail: shortOf(textOf(refused))})
		}
		return nil
	}
	o.frames, o.marks = append(o.frames, bytes.Clone(frame)), append(o.marks, m)
	o.bytes += len(frame)
	if len(o.frames) >= offerRows || o.bytes >= offerBytes {
		return o.flush()
	}
	return nil
}

// flush offers what was gathered, and remembers how far it came. The journal
// carries the same with the first entry, for the case that the power goes in
// between.
func (o *offering) flush() error {
	var s span
	if len(o.frames) > 0 {
		said := propType + ": " + shortOf(o.m.Type) + "\n" + propUpload + ": " + o.u.id + "\nrows: " + strconv.Itoa(o.count) + "\n" + propRows + ": " + strconv.Itoa(len(o.frames))
		frames := o.us.d.frames(o.frames, o.format, o.sender, o.m.Topic, said)
		before := 0
		for _, s := range o.u.snapshot().Spans {
			before += s.Count
		}
		for i, m := range o.marks {
			if m.name == propFirstRow || m.name == propRow && m.row != before+i+1 {
				say(&frames[i], m.name, m.row)
			}
		}
		ticket := o.us.d.keys.offering()
		defer o.us.d.keys.offered(ticket)
		seqs, err := o.us.d.offer(o.us.d.ctx, frames)
		if err != nil {
			return err
		}
		s = span{seqs[0], len(frames)}
	}
	o.taken += s.Count
	u := o.u
	u.mu.Lock()
	defer u.mu.Unlock()
	u.m.Rows, u.m.Results = max(u.m.Rows, o.count), append(u.m.Results, o.said...)
	if s.Count > 0 {
		u.addSpan(s)
	}
	o.frames, o.marks, o.bytes, o.said = o.frames[:0], o.marks[:0], 0, nil
	o.m.Rows = u.m.Rows // a second try in this process goes on from here too
	if err := u.save(); err != nil {
		return uploadFault(err)
	}
	return nil
}

// lines reads NDJSON.
func (o *offering) lines(from io.Reader, most int) error {
	return eachLine(from, most, '\n', func(line []byte, long bool) error {
		line = bytes.TrimSpace(bytes.TrimPrefix(line, byteOrderMark))
		switch {
		case long:
			return o.addRow(nil, fault.New(fault.Invalid, "rest.oversize", "the line is longer than %d bytes", most))
		case len(line) == 0:
			return nil
		}
		return o.addRow(line, validJSON(line))
	})
}

// eachLine gives the lines of a stream, without what is longer than most.
func eachLine(from io.Reader, most int, end byte, each func(line []byte, long bool) error) error {
	r := bufio.NewReaderSize(from, 64<<10)
	var line []byte
	long := false
	for {
		piece, err := r.ReadSlice(end)
		if long = long || len(line)+len(piece) > most; !long {
			line = append(line, piece...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && err != io.EOF {
			return err
		}
		if len(line) > 0 || long {
			if err := each(line, long); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		line, long = line[:0], false
	}
}

// table cuts a table into frames of at most a megabyte, each with the heading
// before its rows: a row says nothing without it.
func (o *offering) table(from io.Reader, most int) error {
	var heading, block []byte
	rows, first := 0, 1 // rows so far; the first one of the block
	flush := func() error {
		if len(block) <= len(heading) {
			return nil
		}
		err := o.add(block, mark{propFirstRow, first}, nil)
		block, first = append(block[:0], heading...), rows+1
		return err
	}
	quoted := false // inside a quoted cell, which may hold line ends
	err := eachLine(from, most, '\n', func(line []byte, long bool) error {
		if long {
			return fault.New(fault.Invalid, "rest.oversize", "a row of the table is longer than %d bytes", most)
		}
		if heading == nil {
			heading = bytes.Clone(line)
			block = append(block, heading...)
			return nil
		}
		if !quoted && len(block) > 1<<20 {
			if err := flush(); err != nil {
				return err
			}
		}
		quoted = quoted != (bytes.Count(line, []byte(`"`))%2 == 1)
		block = append(block, line...)
		if !quoted && len(bytes.TrimSpace(line)) > 0 { // as encoding/csv counts: empty lines are no rows
			rows++
		}
		if len(block) > most {
			return fault.New(fault.Invalid, "rest.not-csv", "a quoted cell of the table has no end")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if quoted {
		return fault.New(fault.Invalid, "rest.not-csv", "a quoted cell of the table has no end")
	}
	return flush()
}

// messages cuts HL7 v2 before each MSH at the beginning of a segment; the
// headers and trailers of a batch (FHS, BHS, BTS, FTS) say nothing of values.
func (o *offering) messages(from io.Reader, most int) error {
	var message []byte
	flush := func() error {
		m := bytes.TrimSpace(message)
		message = message[:0]
		if len(m) == 0 {
			return nil
		}
		_, err := splitHL7(m, 1)
		return o.addRow(m, err)
	}
	err := eachLine(segments{from}, most, '\r', func(segment []byte, long bool) error {
		if long || len(message)+len(segment) > most {
			return fault.New(fault.Invalid, "rest.oversize", "a message of the batch is longer than %d bytes", most)
		}
		head := bytes.TrimSpace(segment)
		if len(head) > 3 {
			head = head[:3]
		}
		switch string(head) {
		case "MSH":
			if err := flush(); err != nil {
				return err
			}
		case "FHS", "BHS", "BTS", "FTS":
			return flush()
		}
		message = append(message, segment...)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// segments reads line ends of every kind as CR, the end of a segment
// (HL7 v2.5.1 §2.4).
type segments struct{ from io.Reader }

func (s segments) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	for i := range p[:n] {
		if p[i] == '\n' {
			p[i] = '\r'
		}
	}
	return n, err
}
