package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/api"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// extract adds to the operations on extracts what saves one in a folder here.
func (c *program) extract() *cobra.Command {
	parent := &cobra.Command{Use: "extract", Short: upperFirst(nouns["extract"]), GroupID: groupOps}
	var keep bool
	texts := map[string]*flagValue{}
	cmd := &cobra.Command{
		Use: "save DIR", Short: "Write a part of the record as files into a folder here, and go on with one that was cut", Args: cobra.ExactArgs(1),
		Long: "Have the server write a part of the record as files, and bring them into a folder here as they become whole; docs/extract.md says what they hold. Called again with the folder of one that was cut, it goes on where it was: what is here is not fetched again. Every file is held against its SHA-256.\n\n" +
			"When all is here, the server's copy is removed, unless --keep.",
		Example: "  thalamus extract save --form parquet --from 2026-11-01 --until 2026-12-01 --places ICU --reason 'study 12, approved by the board' ./november",
	}
	for _, f := range service.Fields(extractAsk) {
		texts[f.Name] = flagOf(cmd, f, f.Doc)
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the extract on the server")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var ask service.ExtractAsk
		for _, f := range service.Fields(extractAsk) {
			if given := texts[f.Name].texts; len(given) > 0 {
				if err := f.Set(&ask, given); err != nil {
					return err
				}
			}
		}
		caller, err := c.connect()
		if err != nil {
			return err
		}
		client, ok := caller.(*api.Client)
		if !ok {
			return fault.New(fault.Broken, "cli.extract", "this way to the server carries no files")
		}
		s := saving{c: c, client: client, dir: args[0], have: map[string]bool{}}
		if err := s.begin(cmd.Context(), ask); err != nil {
			return err
		}
		done, err := s.run(cmd.Context())
		if err != nil {
			return err
		}
		if !keep {
			if err := client.Call(cmd.Context(), "extract.remove", service.ExtractAct{ID: s.id, Reason: "saved: " + done.Reason}, nil); err != nil {
				return err
			}
		}
		return c.print(extractSaved{s.id, s.dir, len(s.have), done.Rows, done.Bytes})
	}
	parent.AddCommand(cmd)
	return parent
}

// extractSaved is what extract save prints.
type extractSaved struct {
	ID     string `json:"id"`
	Folder string `json:"folder"`
	Files  int    `json:"files"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
}

// saving is one run of extract save.
type saving struct {
	c      *program
	client *api.Client
	dir    string
	id     string
	have   map[string]bool // files that are here and right
}

// saveMark is the file in the folder that names the extract being saved.
const saveMark = ".extract"

// begin begins an extract, or takes up the one that the folder names.
func (s *saving) begin(ctx context.Context, ask service.ExtractAsk) error {
	mark := filepath.Join(s.dir, saveMark)
	if text, err := os.ReadFile(mark); err == nil {
		s.id = strings.TrimSpace(string(text))
		return s.takeUp(ctx, ask)
	} else if !os.IsNotExist(err) {
		return saveFault(err, mark)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return saveFault(err, s.dir)
	}
	if list, err := os.ReadDir(s.dir); err != nil {
		return saveFault(err, s.dir)
	} else if len(list) > 0 {
		return fault.New(fault.Conflict, "cli.extract", "the folder is not empty, and no extract was being saved in it; give an empty one").At(s.dir)
	}
	var st service.Extract
	if err := s.client.Call(ctx, "extract.begin", ask, &st); err != nil {
		return err
	}
	s.id = st.ID
	if err := os.WriteFile(mark, []byte(st.ID+"\n"), 0o600); err != nil {
		return saveFault(err, mark)
	}
	return nil
}

func (s *saving) takeUp(ctx context.Context, ask service.ExtractAsk) error {
	var st service.Extract
	if err := s.client.Call(ctx, "extract.get", service.ID{ID: s.id}, &st); err != nil {
		return err
	}
	other := ask.Form != "" && ask.Form != st.Ask.Form || len(ask.Places) > 0 && !slices.Equal(ask.Places, st.Ask.Places) ||
		len(ask.Codes) > 0 && !slices.Equal(ask.Codes, st.Ask.Codes) || len(ask.Devices) > 0 && !slices.Equal(ask.Devices, st.Ask.Devices) ||
		len(ask.Channels) > 0 && !slices.Equal(ask.Channels, st.Ask.Channels) || len(ask.Tables) > 0 && !slices.Equal(ask.Tables, st.Ask.Tables)
	if other {
		return fault.New(fault.Conflict, "cli.extract", "the folder holds the beginning of extract %s, which is another one than this; give an empty folder", s.id).At(s.dir)
	}
	fmt.Fprintf(s.c.err, "going on with %s\n", s.id)
	if st.State == "whole" || st.State == "running" || st.State == "waiting" {
		return nil
	}
	reason := ask.Reason
	if reason == "" {
		reason = st.Reason
	}
	return s.client.Call(ctx, "extract.resume", service.ExtractAct{ID: s.id, Reason: reason}, nil)
}

// saveRhythm is how often the server is asked how far it is.
const saveRhythm = 250 * time.Millisecond

// run brings files here as they become whole, until all are.
func (s *saving) run(ctx context.Context) (service.Extract, error) {
	bar := s.c.progress("extracting")
	defer bar.end()
	for {
		var st service.Extract
		if err := s.client.Call(ctx, "extract.get", service.ID{ID: s.id}, &st); err != nil {
			return st, err
		}
		for _, f := range st.All() {
			if s.have[f.Name] {
				continue
			}
			if err := s.fetch(ctx, f); err != nil {
				return st, err
			}
			s.have[f.Name] = true
		}
		bar.set(st.Done, 1)
		switch st.State {
		case "whole":
			return st, s.end(ctx)
		case "failed":
			return st, fault.New(fault.Broken, "cli.extract", "the server could not go on: %s; call again once that is mended, what is here stays", st.Failed)
		case "stopped":
			return st, fault.New(fault.Conflict, "cli.extract", "somebody stopped the extract; call again to go on, what is here stays")
		}
		select {
		case <-ctx.Done():
			return st, ctx.Err()
		case <-time.After(saveRhythm):
		}
	}
}

// end fetches the manifest and takes the mark away: the folder is whole.
func (s *saving) end(ctx context.Context) error {
	if err := s.fetch(ctx, service.ExtractedFile{Name: "extract.json"}); err != nil {
		return err
	}
	mark := filepath.Join(s.dir, saveMark)
	if err := os.Remove(mark); err != nil {
		return saveFault(err, mark)
	}
	return nil
}
