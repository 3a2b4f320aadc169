package cli

import (
	"bufio"
	"encoding/json"
	"io"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/builtin"
	"thalamus/internal/codec"
	"thalamus/internal/codec/fhir"
	"thalamus/internal/fault"
	"thalamus/internal/flow/decode"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
)

// maxFile bounds a file that is decoded in one piece.
const maxFile = 256 << 20

func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "cli.file", "cannot read the input")
	}
	if len(b) > maxFile {
		return nil, fault.New(fault.Invalid, "cli.file", "the file has more than %d bytes; split it", maxFile)
	}
	return b, nil
}

func fileFault(err error, name string) error {
	return fault.Wrap(err, fault.Invalid, "cli.file", "cannot read the file").At(name)
}

// offline reads files as a channel would.
type offline struct {
	codec, zone string
	arrived     string
}

func (o *offline) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.codec, "codec", "hl7v2", "how the bytes are read")
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
	entry := model.Entry{Seq: number, Frame: model.Frame{Channel: "file", Codec: o.codec, Arrived: arrived, Bytes: raw}}
	context := codec.Context{Site: zone}
	messages := decode.New(builtin.Codecs()...).Decode(entry, context)
	for i := range messages {
		normalise.Normalise(&messages[i], normalise.Context{Site: zone})
	}
	return messages, nil
}

func (c *program) decode() *cobra.Command {
	var o offline
	cmd := &cobra.Command{
		Use: "decode FILE…", Short: "Read messages from files and print what they mean as JSON lines", GroupID: groupFiles, Args: cobra.MinimumNArgs(1),
		Long:    "Read messages from files, decode and normalise them as the server would, and print one JSON object a message. The schema is in docs/reference/message.md. FILE may be - for the standard input.",
		Example: "  thalamus decode monitor.hl7\n  cat monitor.hl7 | thalamus decode - | jq .observations",
		RunE: func(cmd *cobra.Command, files []string) error {
			out := bufio.NewWriter(c.out)
			defer out.Flush()
			enc := json.NewEncoder(out)
			enc.SetEscapeHTML(false)
			failed := false
			for i, name := range files {
				raw, err := c.readFile(name)
				if err != nil {
					return err
				}
				messages, err := o.messages(raw, model.Seq(i+1))
				if err != nil {
					return err
				}
				for j := range messages {
					failed = failed || unread(&messages[j])
					if err := enc.Encode(&messages[j]); err != nil {
						return err
					}
				}
			}
			if failed {
				out.Flush()
				return errSilent
			}
			return nil
		},
	}
	o.flags(cmd)
	return cmd
}

// unread says that nothing of a message could be read.
func unread(m *model.Message) bool {
	if m.Type != "" {
		return false
	}
	for _, i := range m.Issues {
		if i.Severity == model.Error {
			return true
		}
	}
	return false
}

func (c *program) convert() *cobra.Command {
	var o offline
	var to string
	cmd := &cobra.Command{
		Use: "convert --to fhir FILE…", Short: "Convert messages from files; one JSON line a message", GroupID: groupFiles, Args: cobra.MinimumNArgs(1),
		Example: "  thalamus convert --to fhir monitor.hl7",
		RunE: func(cmd *cobra.Command, files []string) error {
			if to != "fhir" {
				return fault.New(fault.Invalid, "cli.argument", "expected fhir").At("--to")
			}
			out := bufio.NewWriter(c.out)
			defer out.Flush()
			for i, name := range files {
				raw, err := c.readFile(name)
				if err != nil {
					return err
				}
				messages, err := o.messages(raw, model.Seq(i+1))
				if err != nil {
					return err
				}
				for j := range messages {
					out.Write(fhir.Bundle([]*model.Message{&messages[j]}, fhir.Options{}))
					out.WriteByte('\n')
				}
			}
			return nil
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&to, "to", "fhir", "the form to convert to: fhir (R4 transaction bundle)")
	return cmd
}
