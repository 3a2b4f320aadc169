package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/builtin"
	"thalamus/internal/codec/astm"
	"thalamus/internal/codec/fhir"
	"thalamus/internal/codec/openmhealth"
	"thalamus/internal/codec/poct1a"
	"thalamus/internal/fault"
	"thalamus/internal/flow"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/reference"
	"thalamus/profiles"
)

// maxFile bounds a file that is decoded in one piece.
const maxFile = 256 << 20

func readAll(r io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fileFault(err, name)
	}
	if len(b) > maxFile {
		return nil, fault.New(fault.Invalid, "cli.file", "the file has more than %d bytes; split it", maxFile).At(name)
	}
	return b, nil
}

func fileFault(err error, name string) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err // the place says the path
	}
	return fault.Wrap(err, fault.Invalid, "cli.file", "cannot read the file").At(name)
}

// offline reads files as a channel would.
type offline struct {
	codec, zone string
	arrived     string
	profiles    *profile.Set // those of the program, once they are read
}

func (o *offline) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.codec, "codec", "", "how the bytes are read; where it is not said, JSON is openmhealth and all else hl7v2")
	cmd.Flags().StringVar(&o.zone, "zone", "UTC", "IANA zone of times that name none")
	cmd.Flags().StringVar(&o.arrived, "arrived", "", "take this as the time of arrival (RFC 3339); otherwise times are judged without one")
}

func (o *offline) messages(raw []byte, number model.Seq) ([]model.Message, error) {
	zone, err := time.LoadLocation(o.zone)
	if err != nil {
		return nil, fault.New(fault.Invalid, "conf.zone", "unknown time zone %q; use an IANA name such as Europe/Berlin", o.zone).At("--zone")
	}
	var arrived time.Time
	if o.arrived != "" {
		if arrived, err = time.Parse(time.RFC3339, o.arrived); err != nil {
			return nil, fault.New(fault.Invalid, "cli.argument", "expected a time such as 2026-11-21T14:30:00Z").At("--arrived")
		}
	}
	if o.profiles == nil {
		if o.profiles, err = shippedSet(); err != nil {
			return nil, err
		}
	}
	r := flow.NewReader(builtin.Codecs(), o.profiles)
	r.Codec.Site, r.Meaning.Site = zone, zone
	return r.Read(model.Entry{Seq: number, Frame: model.Frame{Channel: "file", Codec: codecOf(o.codec, raw), Arrived: arrived, Bytes: raw}}), nil
}

// codecOf is the codec that was asked for, else the one whose files begin so.
func codecOf(asked string, raw []byte) string {
	if asked != "" {
		return asked
	}
	raw = bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(raw) > 0 && (raw[0] == '{' || raw[0] == '[') {
		return openmhealth.Name
	}
	switch {
	case len(raw) > 1 && (raw[0] == astm.STX || raw[0] == astm.ENQ || raw[0] == 'H' && bytes.IndexByte([]byte("|!@~^"), raw[1]) >= 0):
		return astm.Name
	case len(raw) > 0 && raw[0] == '<':
		return poct1a.Name
	}
	return "hl7v2"
}

func (c *program) decode() *cobra.Command {
	var o offline
	var schema bool
	cmd := &cobra.Command{
		Use: "decode FILE…", Short: "Read messages from files and print what they mean as JSON lines", GroupID: groupFiles,
		Long:    "Read messages from files, decode and normalise them as the server would, and print one JSON object a message and line. Its schema is stable and stands in docs/reference/messages.md; --schema prints it as JSON Schema. FILE may be - for the standard input. Exits with 1 when a file holds something that cannot be read as a message; the others are still printed.",
		Example: "  thalamus decode monitor.hl7\n  cat monitor.hl7 | thalamus decode - | jq .observations",
		Args: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 && !schema {
				return errors.New("no file is named; - stands for the standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error {
			if schema {
				_, err := c.out.Write(reference.MessageSchema())
				return err
			}
			return c.each(&o, files, func(out *bufio.Writer, m *model.Message) error {
				enc := json.NewEncoder(out)
				enc.SetEscapeHTML(false)
				return enc.Encode(m)
			})
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of a line")
	return cmd
}

// shippedSet are the profiles that come with the program, as a server without
// its own would use them.
func shippedSet() (*profile.Set, error) {
	all, err := profiles.All()
	if err != nil {
		return nil, err
	}
	force := make([]profile.InForce, len(all))
	for i, p := range all {
		force[i].Profile = p
	}
	return profile.NewSet(force)
}

// each reads files and writes every message. What cannot be read is told, and
// the rest goes on; the end is then exit code 1.
func (c *program) each(o *offline, files []string, write func(out *bufio.Writer, m *model.Message) error) error {
	out := bufio.NewWriter(c.out)
	defer out.Flush()
	failed := false
	for i, name := range files {
		raw, err := c.readFile(name)
		if err != nil {
			out.Flush()
			c.report(err)
			failed = true
			continue
		}
		messages, err := o.messages(raw, model.Seq(i+1))
		if err != nil {
			return err
		}
		for j := range messages {
			m := &messages[j]
			if err := write(out, m); err != nil {
				return fault.Wrap(err, fault.Broken, "cli.file", "cannot write to the standard output")
			}
			if why := unread(m); why != nil {
				out.Flush()
				text := why.Text
				if m.Codec == openmhealth.Name && why.Field != "" { // the text says what must stand there
					text = why.Field + " " + text
				}
				c.report(fault.New(fault.Invalid, "cli.unread", "%s (%s)", text, why.Code).At(name))
				failed = true
			}
		}
	}
	if err := out.Flush(); err != nil {
		return fault.Wrap(err, fault.Broken, "cli.file", "cannot write to the standard output")
	}
	if failed {
		return errSilent
	}
	return nil
}

// unread says why nothing of a message could be read, nil when something was.
func unread(m *model.Message) *model.Issue {
	if m.Type != "" {
		return nil
	}
	for i := range m.Issues {
		if m.Issues[i].Severity == model.Error {
			return &m.Issues[i]
		}
	}
	return nil
}

func (c *program) convert() *cobra.Command {
	var o offline
	var to string
	cmd := &cobra.Command{
		Use: "convert --to fhir|omh FILE…", Short: "Convert messages from files to FHIR or Open mHealth, as JSON lines", GroupID: groupFiles, Args: cobra.MinimumNArgs(1),
		Long:    "Read messages from files as decode does, and print them in another form: fhir is the R4 transaction bundle that a FHIR destination would send, one line a message; omh are Open mHealth data points, one line a measurement, and the standard error names what no schema of theirs can say. The same message always gives the same bytes.",
		Example: "  thalamus convert --to fhir monitor.hl7\n  thalamus convert --to omh monitor.hl7",
		RunE: func(cmd *cobra.Command, files []string) error {
			write, ok := map[string]func(*bufio.Writer, *model.Message) error{"fhir": writeBundle, "omh": c.writeDataPoints}[to]
			if !ok {
				return fault.New(fault.Invalid, "cli.argument", "there is no form %q; expected fhir or omh", to).At("--to")
			}
			return c.each(&o, files, write)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&to, "to", "fhir", "the form to convert to: fhir (R4 transaction bundle) or omh (Open mHealth data points)")
	return cmd
}

func writeBundle(out *bufio.Writer, m *model.Message) error {
	bundle := fhir.Bundle([]*model.Message{m}, fhir.Options{})
	if bundle == nil { // nothing that FHIR has a resource for: still a line
		bundle = []byte(`{"resourceType":"Bundle","type":"transaction"}`)
	}
	out.Write(bundle)
	return out.WriteByte('\n')
}

// writeDataPoints writes what Open mHealth has a schema for, and tells what it
// left: a line for each reason, with the codes.
func (c *program) writeDataPoints(out *bufio.Writer, m *model.Message) error {
	points, left := openmhealth.Encode(m)
	for _, p := range points {
		out.Write(p)
		if err := out.WriteByte('\n'); err != nil {
			return err
		}
	}
	byReason := map[string][]string{}
	var reasons []string
	for _, l := range left {
		if byReason[l.Why] == nil {
			reasons = append(reasons, l.Why)
		}
		if !slices.Contains(byReason[l.Why], l.Code) {
			byReason[l.Why] = append(byReason[l.Why], l.Code)
		}
	}
	for _, why := range reasons {
		fmt.Fprintf(c.err, "thalamus: message %d.%d: left out, because %s: %s\n", m.Ref.Seq, m.Ref.Part, why, strings.Join(byReason[why], ", "))
	}
	return nil
}
