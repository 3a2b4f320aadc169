package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/app"
	"thalamus/internal/fault"
	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// journal works on the folder itself, whether a server runs on it or not; it
// only reads.
func (c *program) journal() *cobra.Command {
	parent := &cobra.Command{Use: "journal", Short: "The log of every frame: verify, stat, cat; reads the folder, also beside a running server", GroupID: groupFiles}
	parent.AddCommand(
		&cobra.Command{
			Use: "verify", Short: "Read the whole journal and check every record and the chain", Args: cobra.NoArgs,
			Example: "  thalamus journal verify --data /var/lib/thalamus",
			RunE: func(cmd *cobra.Command, _ []string) error {
				view, err := c.openJournal()
				if err != nil {
					return err
				}
				defer view.Close()
				bar := c.progress("verifying")
				report, err := view.Verify(cmd.Context(), func(p journal.Progress) { bar.set(float64(p.BytesDone), float64(p.Bytes)) })
				bar.end()
				if err != nil {
					return err
				}
				out := service.Verified(report)
				if err := c.print(out); err != nil {
					return err
				}
				if !out.Good {
					return errSilent
				}
				return nil
			},
		},
		&cobra.Command{
			Use: "stat", Short: "Show how the journal stands", Args: cobra.NoArgs, Example: "  thalamus journal stat --json",
			RunE: func(*cobra.Command, []string) error {
				view, err := c.openJournal()
				if err != nil {
					return err
				}
				defer view.Close()
				st, err := view.Stat()
				if err != nil {
					return err
				}
				return c.print(st)
			},
		},
		c.journalCat(),
	)
	return parent
}

func (c *program) openJournal() (*journal.View, error) {
	if err := mayRead(c.data); err != nil {
		return nil, err
	}
	keys, err := app.JournalKeys(filepath.Join(c.data, "keys"))
	if err != nil {
		return nil, err
	}
	return journal.OpenReadOnly(filepath.Join(c.data, "journal"), journal.Options{Keys: keys})
}

func (c *program) journalCat() *cobra.Command {
	var from, count uint64
	var raw bool
	cmd := &cobra.Command{
		Use: "cat", Short: "Print entries as they were received", Args: cobra.NoArgs,
		Long:    "Print entries as they were received: with --json one object a line (bytes in base64), with --raw the bytes alone, else a head line and the text. What cannot be read is told and the rest printed; the end is then exit code 1.",
		Example: "  thalamus journal cat --from 4711 --count 1\n  thalamus journal cat --from 4711 --count 1 --raw > message.hl7",
		RunE: func(*cobra.Command, []string) error {
			view, err := c.openJournal()
			if err != nil {
				return err
			}
			defer view.Close()
			reader := view.Reader(model.Seq(from))
			defer reader.Close()
			enc := json.NewEncoder(c.out)
			enc.SetEscapeHTML(false)
			failed := false
			for left := count; count == 0 || left > 0; {
				entries, err := reader.Next(int(min(max(left, 1), 256)))
				var gone *journal.Damage
				if errors.As(err, &gone) { // told, and the reader stands behind it
					c.report(gone.Fault)
					failed = failed || fault.CodeOf(err) != "journal.dropped"
					left -= min(left, uint64(gone.Last-gone.First)+1)
					continue
				}
				if err != nil {
					return err
				}
				if len(entries) == 0 {
					break
				}
				for _, e := range entries {
					left--
					switch {
					case c.json:
						err = enc.Encode(service.Received{
							Seq: e.Seq, Channel: e.Channel, Codec: e.Codec, Peer: e.Peer, Identity: e.Identity, Arrived: e.Arrived,
							Hash: fmt.Sprintf("%x", e.Hash), Size: len(e.Bytes), Redacted: e.Redacted, Bytes: e.Bytes,
						})
					case raw:
						_, err = c.out.Write(e.Bytes)
					default:
						text := strings.ReplaceAll(strings.TrimRight(string(e.Bytes), "\r\n"), "\r", "\n")
						if e.Redacted {
							text = "(redacted)"
						}
						_, err = fmt.Fprintf(c.out, "── %d  %s  %s  %s  %s\n%s\n", e.Seq, e.Arrived.Format(time.RFC3339Nano), e.Channel, e.Peer, e.Identity, text)
					}
					if err != nil {
						return err
					}
				}
			}
			if failed {
				return errSilent
			}
			return nil
		},
	}
	cmd.Flags().Uint64Var(&from, "from", 1, "number of the first entry")
	cmd.Flags().Uint64Var(&count, "count", 0, "how many; 0 means all")
	cmd.Flags().BoolVar(&raw, "raw", false, "the bytes alone")
	return cmd
}
