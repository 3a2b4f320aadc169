package filedrop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// looked is how a file was when it was last looked at.
type looked struct {
	size    int64
	changed time.Time
	since   time.Time // it has been so since
	told    bool      // that it waits
}

// stuck is a file that was taken or refused and could not be moved away then.
type stuck struct {
	size    int64
	changed time.Time
	pauses  driver.Pauses
	next    time.Time // when to try again
}

// takeAll takes what is whole, oldest first. An error says why no more could be
// taken now.
func (d *Driver) takeAll(ctx context.Context) error {
	if err := d.place.open(ctx); err != nil {
		return unreachable(err)
	}
	all, err := d.list(ctx)
	if err != nil {
		return unreachable(err)
	}
	slices.SortFunc(all, func(a, b found) int {
		if c := a.changed.Compare(b.changed); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	now, names := time.Now(), make(map[string]bool, len(all))
	for _, f := range all {
		names[f.name] = true
	}
	for name := range d.looked {
		if !names[name] {
			delete(d.looked, name)
		}
	}
	for name := range d.stuck {
		if !names[name] {
			delete(d.stuck, name)
		}
	}
	waiting, first := 0, error(nil)
	for _, f := range all {
		if !d.mine(f.name) {
			continue
		}
		if s := d.stuck[f.name]; s != nil && s.size == f.size && s.changed.Equal(f.changed) {
			if now.Before(s.next) {
				continue
			}
		} else if s != nil {
			delete(d.stuck, f.name) // another content under its name
		}
		if !d.whole(f, names, now) {
			waiting++
			continue
		}
		switch err := d.takeWhole(ctx, f, names); {
		case ctx.Err() != nil:
			return nil
		case fault.CodeOf(err) == unreached: // one file holds no other up
			first = cmp.Or(first, err)
		case err != nil:
			return err
		}
	}
	d.waiting.Store(int64(waiting))
	d.unmoved.Store(int64(len(d.stuck)))
	return first
}

// list gives the files of the folder and of its subfolders, as deep as the
// channel says. Folders whose names begin with a dot are left alone, and so are
// those for files that were taken or refused. Links are never followed.
func (d *Driver) list(ctx context.Context) (files []found, err error) {
	folders, seen := []string{""}, 0
	for depth := 0; len(folders) > 0 && ctx.Err() == nil; depth++ {
		var below []string
		for _, folder := range folders {
			all, err := d.place.list(folder)
			if folder != "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
				if !d.gone(err) {
					d.Notes.Add(d.Peer, "filedrop.unreadable", "a subfolder cannot be read: permission denied", "Give the user that runs Thalamus the right to read it and to move its files.")
				}
				continue // it holds no other up
			}
			if err != nil {
				return nil, err
			}
			for _, f := range all {
				switch {
				case f.mode.IsDir() && depth < d.settings.Depth && d.inside(f.name):
					if seen++; seen > mostFolders {
						return nil, fault.New(fault.Transient, "filedrop.folders", "there are more than %d subfolders; take some away, or watch them by channels of their own", mostFolders)
					}
					below = append(below, f.name)
				case f.mode == 0 && len(files) < mostFiles:
					files = append(files, f)
				}
			}
		}
		folders = below
	}
	return files, nil
}

// inside says whether files of a subfolder are to be taken.
func (d *Driver) inside(folder string) bool {
	return folder != d.settings.Done && folder != d.settings.Refused && !strings.HasPrefix(path.Base(folder), ".")
}

// unfinished are endings of names that files have while they are written.
var unfinished = []string{".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".writing", "~"}

// mine says whether a name is one of those to take.
func (d *Driver) mine(name string) bool {
	name = path.Base(name)
	if strings.HasPrefix(name, ".") || d.settings.Complete == marker && strings.HasSuffix(name, d.settings.Marker) {
		return false
	}
	for _, end := range unfinished {
		if strings.HasSuffix(strings.ToLower(name), end) {
			return false
		}
	}
	if len(d.settings.Files) == 0 {
		return true
	}
	return slices.ContainsFunc(d.settings.Files, func(p string) bool { ok, _ := path.Match(p, name); return ok })
}

// whole says whether a file is written to its end.
func (d *Driver) whole(f found, names map[string]bool, now time.Time) bool {
	switch d.settings.Complete {
	case renamed:
		return true
	case marker:
		return names[f.name+d.settings.Marker]
	}
	was, ok := d.looked[f.name]
	if !ok || was.size != f.size || !was.changed.Equal(f.changed) {
		d.looked[f.name] = looked{size: f.size, changed: f.changed, since: now}
		return false
	}
	return now.Sub(was.since) >= d.settings.Settle
}

// takeWhole takes a file, with those that belong to it.
func (d *Driver) takeWhole(ctx context.Context, f found, names map[string]bool) error {
	if f.size > d.settings.MaxFile {
		return d.refuse(f, []string{f.name}, fault.New(fault.Invalid, "filedrop.oversize", "the file has %d bytes, more than max_file (%d); raise it or send smaller files", f.size, d.settings.MaxFile))
	}
	b, err := d.place.read(f.name, d.settings.MaxFile)
	if err != nil {
		return d.readFault(f.name, err)
	}
	after, err := d.place.stat(f.name)
	if err != nil {
		return d.readFault(f.name, err)
	}
	if after.size != f.size || !after.changed.Equal(f.changed) || int64(len(b)) != f.size {
		d.looked[f.name] = looked{size: after.size, changed: after.changed, since: time.Now()}
		return nil // it is being written still
	}
	kind := d.codec
	if kind == auto {
		if kind = kindOf(f.name, b); kind == "" && belongs(f.name, names) {
			d.tellMissing(f.name, "a file of signals has waited for an hour for a header that names it", "Send the header (.hea), or take the file away.")
			return nil // the header takes it along
		}
	}
	if err := envelope(kind, b); err != nil {
		return d.refuse(f, []string{f.name}, err)
	}
	parts, header := []string{f.name}, b
	if kind == "wfdb" {
		var missing string
		if b, parts, missing, err = d.record(f.name, b); err != nil {
			if fault.KindOf(err) != fault.Invalid {
				return d.readFault(f.name, err)
			}
			return d.refuse(f, []string{f.name}, err)
		}
		if missing != "" {
			return d.awaitPart(f.name, header, missing)
		}
	}
	return d.take(ctx, kind, f, parts, b, header)
}

// take makes a file durable, then moves it away. header is the content of the
// first part, which is all where there are no others.
func (d *Driver) take(ctx context.Context, kind string, f found, parts []string, b, header []byte) error {
	name := parts[0]
	m := markOf(name, b)
	if seq, again := d.taken.before(m); again {
		_, stays := d.stuck[name]
		if err := d.away(parts); err != nil || stays {
			return d.stick(f, err)
		}
		d.again.Add(1)
		d.Notes.Add(d.Peer, "filedrop.again", fmt.Sprintf("a file came that was taken before, as entry %d; it was not taken a second time", seq), "If it is meant to count again, replay the entry or give the file another name.")
		return nil
	}
	said, fits := d.names.properties(name)
	if !fits {
		return d.refuse(f, parts, fault.New(fault.Invalid, "filedrop.name", "the name is not made as the channel's setting name says (%s), so nobody knows whose it is", d.settings.Name))
	}
	at := time.Now()
	if err := d.taken.offer(m, at); err != nil {
		return err
	}
	frame := model.Frame{Channel: d.channel, Codec: kind, Peer: d.Peer, Identity: d.identity(), Topic: name, Properties: said, Bytes: b}
	seqs, err := d.host.Intake.Offer(ctx, []model.Frame{frame})
	if fault.KindOf(err) == fault.Invalid && err != nil {
		return d.refuse(f, parts, err)
	}
	if err != nil {
		return err
	}
	d.files.Add(1)
	if err := d.taken.took(m, seen{seqs[0], at}); err != nil {
		return err
	}
	if len(parts) > 1 {
		if err := d.taken.took(markOf(name, header), seen{seqs[0], at}); err != nil {
			return err
		}
	}
	return d.stick(f, d.away(parts))
}

// stick remembers a file that could not be moved away, and tells of it once. It
// holds no other up: it is tried again after pauses that grow. err is nil where the
// file was moved.
func (d *Driver) stick(f found, err error) error {
	if err == nil {
		delete(d.stuck, f.name)
		return nil
	}
	s := d.stuck[f.name]
	if s == nil {
		s = &stuck{size: f.size, changed: f.changed, pauses: driver.Pauses{Longest: longestPause}}
		d.stuck[f.name] = s
		d.Notes.Add(d.Peer, "filedrop.unmoved", "a file that was done with cannot be moved away; it was not lost and does not count twice: "+cause(err),
			fmt.Sprintf("Give the user that runs Thalamus, or signs in at the server, the right to write in the folder, in %s and in %s. It is tried again by itself.", d.settings.Done, d.settings.Refused))
	}
	s.next = time.Now().Add(s.pauses.Next())
	return nil
}

// cause is what lies behind a fault, without what the fault says of it.
func cause(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		return inner.Error()
	}
	return err.Error()
}

// away moves files that were taken: those that belong to another first, so
// that what a crash leaves in the folder is a header whose files lie in done.
func (d *Driver) away(parts []string) error {
	for i := len(parts) - 1; i >= 0; i-- {
		if err := d.moveTo(d.settings.Done, parts[i]); err != nil {
			return err
		}
	}
	return d.unmark(parts[0])
}

// refuse moves files that cannot be taken, with a report beside the first.
func (d *Driver) refuse(f found, parts []string, why error) error {
	text, place := why.Error(), ""
	var said *fault.Fault
	if errors.As(why, &said) {
		text, place = said.Text, said.Place
	}
	var b strings.Builder
	fmt.Fprintf(&b, "This file was not taken.\n\nfile:     %s\nwhen:     %s\ncode:     %s\nwhy:      %s\n", printable(parts[0]), time.Now().UTC().Format(time.RFC3339), fault.CodeOf(why), text)
	if place != "" {
		fmt.Fprintf(&b, "where:    %s\n", place)
	}
	b.WriteString("\nMend it or have it sent again: put it back into the folder it came in.\nThalamus explains the code: thalamus explain " + fault.CodeOf(why) + "\n")
	_, stays := d.stuck[f.name]
	err := d.setAside(parts, b.String())
	if !stays {
		lies := "lies in the folder " + d.settings.Refused + " with a report"
		if err != nil {
			lies = "stays where it is"
		}
		d.refused.Add(1)
		d.Notes.Refused(d.Peer, "filedrop.refused", "a file was not taken and "+lies+": "+text, "Mend it or have it sent again.")
	}
	return d.stick(f, err)
}

// setAside moves refused files, after the report that is to lie beside them.
func (d *Driver) setAside(parts []string, report string) error {
	name := d.settings.Refused + "/" + parts[0] + ".report.txt"
	if err := d.place.folder(path.Dir(name)); err != nil {
		return unreachable(err)
	}
	if err := d.place.write(name, []byte(report)); err != nil {
		return unreachable(err)
	}
	for _, part := range parts {
		if err := d.moveTo(d.settings.Refused, part); err != nil {
			return err
		}
	}
	return d.unmark(parts[0])
}

// unmark removes the file that said that another is whole.
func (d *Driver) unmark(name string) error {
	if d.settings.Complete != marker {
		return nil
	}
	if err := d.place.remove(name + d.settings.Marker); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unreachable(err)
	}
	return nil
}

// moveTo moves a file to a subfolder, there into a subfolder of its own
// subfolder's name; where its name is taken there, the time comes behind it.
func (d *Driver) moveTo(folder, name string) error {
	to := folder + "/" + name
	if err := d.place.folder(path.Dir(to)); err != nil {
		return unreachable(err)
	}
	err := d.place.move(name, to)
	for n := 0; errors.Is(err, fs.ErrExist) && n < 1000; n++ {
		ext := path.Ext(name)
		stamp := time.Now().UTC().Format("20060102T150405.000")
		if n > 0 {
			stamp += fmt.Sprintf("-%d", n)
		}
		err = d.place.move(name, folder+"/"+strings.TrimSuffix(name, ext)+"~"+stamp+ext)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unreachable(err)
	}
	delete(d.looked, name)
	return nil
}

func (d *Driver) gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// readFault says what a file that cannot be read means: one that went, or is none
// any more, is not missed, one that may not be read is told of.
func (d *Driver) readFault(name string, err error) error {
	switch {
	case d.gone(err), errors.Is(err, fs.ErrInvalid):
		return nil
	case errors.Is(err, fs.ErrPermission):
		d.Notes.Add(d.Peer, "filedrop.unreadable", "a file in the folder cannot be read: permission denied", "Give the user that runs Thalamus the right to read and move the files.")
		return nil
	}
	return unreachable(err)
}

const unreached = "filedrop.unreachable"

func unreachable(err error) error {
	var f *fault.Fault
	if errors.As(err, &f) {
		return err
	}
	return fault.Wrap(err, fault.Transient, unreached, "the folder cannot be reached or written; see that it is there and that this user may read, write and move files in it")
}
