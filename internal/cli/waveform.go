package cli

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"github.com/spf13/cobra"

	"thalamus/internal/api"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// waveform adds to the operations on waveforms what saves them as files here.
func (c *program) waveform() *cobra.Command {
	parent := &cobra.Command{Use: "waveform", Short: upperFirst(nouns["waveform"]), GroupID: groupOps}
	texts := map[string]*flagValue{}
	cmd := &cobra.Command{
		Use: "export DIR", Short: "Write waveforms as files into a folder here: WFDB, EDF+, FHIR SampledData or CSV", Args: cobra.ExactArgs(1),
		Long: "Join the waveforms of a patient or device across messages, and write them as files into a folder here: wfdb gives records that the PhysioNet tools read, edf EDF+ files, fhir Observations with SampledData, csv tables. Gaps stay gaps, scale and offset are exact, and nothing is resampled unless --resample says so. What a form cannot hold exactly is left out and named. export.json in the folder says what the files are.\n\n" +
			"Files say nothing of the person unless --identify; their names never do.",
		Example: "  thalamus waveform export --form wfdb --device dev-abc --from -1h ./ecg\n  thalamus waveform export --form edf --patient pat-abc --from -24h --zone Europe/Berlin ./night",
	}
	fields := service.Fields(reflect.TypeFor[service.WaveformExportAsk]())
	for _, f := range fields {
		if f.Name == "segments" {
			continue // of the list
		}
		texts[f.Name] = flagOf(cmd, f, f.Doc)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var ask service.WaveformExportAsk
		for _, f := range fields {
			if given := texts[f.Name]; given != nil && len(given.texts) > 0 {
				if err := f.Set(&ask, given.texts); err != nil {
					return err
				}
			}
		}
		if ask.Form == "" {
			return usage(cmd, "--form is missing (wfdb, edf, fhir or csv)")
		}
		caller, err := c.connect()
		if err != nil {
			return err
		}
		client, ok := caller.(*api.Client)
		if !ok {
			return fault.New(fault.Broken, "cli.extract", "this way to the server carries no files")
		}
		dir := args[0]
		if err := emptyFolder(dir); err != nil {
			return err
		}
		archive, err := os.CreateTemp(dir, ".waveforms-*.zip")
		if err != nil {
			return saveFault(err, dir)
		}
		defer os.Remove(archive.Name())
		defer archive.Close()
		bar := c.progress("fetching")
		err = client.Waveforms(cmd.Context(), ask, &counted{w: &fileWriter{archive, archive.Name()}, bar: bar})
		bar.end()
		if err != nil {
			return err
		}
		done, err := unpack(archive, dir)
		if err != nil {
			return err
		}
		if len(done.Recordings) == 0 {
			fmt.Fprintln(c.err, "No waveform was recorded of that in the span; --from and --until say another one, `thalamus waveform list` what there is.")
		}
		return c.print(done)
	}
	parent.AddCommand(cmd)
	return parent
}

// emptyFolder makes a folder, or sees that there is nothing in it that files
// could be mixed with.
func emptyFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return folderFault(err, dir)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return folderFault(err, dir)
	}
	if len(names) > 0 {
		return fault.New(fault.Conflict, "cli.folder", "the folder is not empty").At(dir)
	}
	return nil
}

// folderFault says why a folder cannot be written.
func folderFault(err error, dir string) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err // the place says the path
	}
	return fault.Wrap(err, fault.Invalid, "cli.folder", "cannot write here").At(dir)
}

// counted shows how much has come.
type counted struct {
	w   io.Writer
	n   int64
	bar *progress
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.bar.count(c.n>>10, "KiB")
	return n, err
}

// unpack lays the files of an archive into a folder, and none over another.
func unpack(f *os.File, dir string) (done service.WaveformExport, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return done, saveFault(err, f.Name())
	}
	z, err := zip.NewReader(f, size)
	if err != nil {
		return done, fault.Wrap(err, fault.Transient, "api.unreachable", "the archive was cut; call again")
	}
	for _, one := range z.File {
		name := filepath.FromSlash(one.Name)
		if !filepath.IsLocal(name) {
			return done, fault.New(fault.Broken, "cli.extract", "the server names a file outside the folder; it is not one to trust")
		}
		if err := lay(one, filepath.Join(dir, name)); err != nil {
			return done, err
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, service.ManifestName))
	if err != nil {
		return done, saveFault(err, dir)
	}
	if err := json.Unmarshal(text, &done); err != nil {
		return done, fault.Wrap(err, fault.Broken, "api.answer", "the server's answer cannot be read")
	}
	return done, nil
}

func lay(one *zip.File, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return saveFault(err, filepath.Dir(path))
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Conflict, "cli.folder", "the file is there already").At(path)
	}
	if err != nil {
		return saveFault(err, path)
	}
	defer out.Close()
	in, err := one.Open()
	if err != nil {
		return fault.Wrap(err, fault.Transient, "api.unreachable", "the archive was cut; call again").At(path)
	}
	defer in.Close()
	if _, err := io.Copy(&fileWriter{out, path}, in); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return saveFault(err, path)
	}
	return nil
}
