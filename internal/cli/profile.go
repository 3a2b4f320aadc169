package cli

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"thalamus/internal/builtin"
	"thalamus/internal/fault"
	"thalamus/internal/flow"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/service"
	"thalamus/profiles"
)

// profile works on folders with device profiles; no server is asked.
func (c *program) profile() *cobra.Command {
	parent := &cobra.Command{Use: "profile", Short: "Device profiles: begin, check, test and compare them", GroupID: groupFiles}
	parent.AddCommand(c.profileNew(), c.profileCheck(), c.profileTest(), c.profileDiff(), c.profileExplain(), c.profileSchema(), c.profilePut(), c.profileTry(), c.profileImport())
	return parent
}

// folders reads the profiles in folders, or of the program where a name is one
// of its profiles and no folder; none named: all of the program.
func folders(names []string) ([]*profile.Profile, error) {
	if len(names) == 0 {
		return profiles.All()
	}
	var out []*profile.Profile
	for _, name := range names {
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			p, err := named(name)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
			continue
		}
		found, err := profiles.In(os.DirFS(name))
		if err != nil {
			return nil, inFolder(err, name)
		}
		if len(found) == 0 {
			return nil, fault.New(fault.Absent, "profile.no-file", "no %s lies in this folder", profile.FileName).At(name)
		}
		out = append(out, found...)
	}
	return out, nil
}

// inFolder puts the folder before the file that a fault names.
func inFolder(err error, name string) error {
	if f, ok := err.(*fault.Fault); ok && !filepath.IsAbs(f.Place) {
		return f.At(filepath.Join(name, f.Place))
	} else if !ok {
		return fileFault(err, name)
	}
	return err
}

func (c *program) profileCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check [FOLDER…]", Short: "Check profiles: keys, paths, expressions, codes, units",
		Long:    "Read the profiles in FOLDERs, or those that come with the program, and check everything that can be checked without a message. An error names file, line and column.",
		Example: "  thalamus profile check profiles/acme/vm200",
		RunE: func(_ *cobra.Command, names []string) error {
			found, err := folders(names)
			if err != nil {
				return err
			}
			type row struct {
				Profile string `json:"profile"`
				Title   string `json:"title"`
				Codec   string `json:"codec"`
				Labels  int    `json:"labels"`
				Cases   int    `json:"cases"`
				Tried   string `json:"hardware"`
			}
			rows := make([]row, len(found))
			for i, p := range found {
				rows[i] = row{p.Ref(), p.Title, p.Codec, len(p.Labels()), len(p.Cases()), p.Hardware}
			}
			return c.print(rows)
		},
	}
}

func (c *program) profileDiff() *cobra.Command {
	return &cobra.Command{
		Use: "diff OLD NEW FILE…", Short: "Read files with two profiles and show what changes", Args: cobra.MinimumNArgs(3),
		Long:    "Read every FILE with the profile OLD and with NEW, each a folder or the name of a profile of the program, and show the lines that differ. OLD may be - for no profile at all. The exit code is 1 when something differs.",
		Example: "  thalamus profile diff profiles/acme/vm200 ./vm200-new capture/*.hl7\n  thalamus profile diff ge/vc150 ./vc150 capture/*.hl7",
		RunE: func(_ *cobra.Command, args []string) error {
			var readers [2]flow.Reader
			codec := "hl7v2"
			for i, name := range args[:2] {
				var force []profile.InForce
				if name != "-" {
					found, err := folders([]string{name})
					if err != nil {
						return err
					}
					for _, p := range found {
						force = append(force, profile.InForce{Profile: p})
						codec = p.Codec
					}
				}
				set, err := profile.NewSet(force)
				if err != nil {
					return err
				}
				readers[i] = flow.NewReader(builtin.Codecs(), set)
			}
			type row struct {
				File string            `json:"file"`
				Rows []flow.Difference `json:"differences"`
			}
			var out []row
			for i, name := range args[2:] {
				raw, err := c.readFile(name)
				if err != nil {
					return err
				}
				entry := model.Entry{Seq: model.Seq(i + 1), Frame: model.Frame{Channel: "file", Codec: codec, Bytes: raw}}
				if d := flow.Compare(flow.Lines(flow.Say(readers[0].Read(entry))), flow.Lines(flow.Say(readers[1].Read(entry)))); len(d) > 0 {
					out = append(out, row{name, d})
				}
			}
			if c.json {
				if err := c.printJSON(c.out, out); err != nil {
					return err
				}
			} else {
				for _, r := range out {
					fmt.Fprintln(c.out, r.File)
					for _, d := range r.Rows {
						fmt.Fprintf(c.out, "  - %s\n  + %s\n", d.Expected, d.Got)
					}
				}
			}
			if len(out) > 0 {
				return errSilent
			}
			return nil
		},
	}
}

func (c *program) profileExplain() *cobra.Command {
	return &cobra.Command{
		Use: "explain NAME|FOLDER", Short: "Say what a profile reads, and on what evidence", Args: cobra.ExactArgs(1),
		Example: "  thalamus profile explain mindray/vs8",
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := named(args[0])
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(c.out, struct {
					*profile.Profile
					Labels []profile.Label      `json:"labels"`
					Alarms []profile.AlertLabel `json:"alarms,omitempty"`
					Digest string               `json:"digest"`
				}{p, p.Labels(), p.AlertLabels(), p.Digest()})
			}
			fmt.Fprintf(c.out, "%s\n%s\n\n", p.Ref(), p.Title)
			a := p.AppliesTo
			for _, row := range [...]struct {
				what string
				is   []string
			}{{"maker", a.Manufacturer}, {"model", a.Model}, {"sender", a.Sender}, {"type", a.Type}, {"channel", a.Channel}, {"software", strings.Fields(a.Software)}} {
				if len(row.is) > 0 {
					fmt.Fprintf(c.out, "for %s: %s\n", row.what, strings.Join(row.is, " or "))
				}
			}
			for _, l := range p.Labels() {
				fmt.Fprintf(c.out, "label %q is %s %s\n", l.Label, l.Code, l.UnitIn)
			}
			for i := range p.Alerts {
				fmt.Fprintf(c.out, "alerts: %s\n", p.Alerts[i].Says())
			}
			for _, l := range p.AlertLabels() {
				is := strings.Join(strings.Fields(l.Code+" "+l.Source+" "+l.Priority+" "+l.Kind+" "+l.Text), " ")
				if l.Code == "" {
					is = strings.TrimSpace("known, without a code of the standard " + is)
				}
				fmt.Fprintf(c.out, "alarm %q is %s\n", l.Label, is)
			}
			for _, q := range p.Quirks {
				fmt.Fprintf(c.out, "quirk %s: %s (%s)\n", q.ID, q.Says, q.Evidence)
			}
			for _, d := range p.Derive {
				fmt.Fprintf(c.out, "derives %s as %s in %s\n", d.Code, d.Value, d.Unit)
			}
			for _, e := range p.Evidence {
				fmt.Fprintf(c.out, "evidence: %s; %s\n", e.Document, e.Shows)
			}
			fmt.Fprintf(c.out, "tried on a device: %s\n", p.Hardware)
			return nil
		},
	}
}

// named finds a profile of the program by its name, or in a folder.
func named(name string) (*profile.Profile, error) {
	all, err := profiles.All()
	if err != nil {
		return nil, err
	}
	known := make([]string, 0, len(all))
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
		known = append(known, p.Name)
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		found, err := folders([]string{name})
		if err != nil {
			return nil, err
		}
		return found[0], nil
	}
	hint := ""
	if near := fault.Nearest(name, known); near != "" {
		hint = "; did you mean " + near + "?"
	}
	return nil, fault.New(fault.Absent, "cli.argument", "the program has no such profile, and there is no such folder%s", hint).At(name)
}

func (c *program) profileNew() *cobra.Command {
	var codec string
	cmd := &cobra.Command{
		Use: "new MAKER/MODEL", Short: "Begin a profile: a folder with everything it needs", Args: cobra.ExactArgs(1),
		Long:    "Make the folder MAKER/MODEL with a profile.yaml that explains itself, a table of labels, a README and a place for cases. Put a capture into cases/first/input.*, then go on with `thalamus profile test --update`.",
		Example: "  thalamus profile new acme/vm200 --codec json",
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := profile.Begin(args[0], codec)
			if err != nil {
				return err
			}
			if _, err := os.Stat(args[0]); err == nil {
				return fault.New(fault.Conflict, "cli.file", "the folder exists already").At(args[0])
			}
			for _, f := range files {
				path := filepath.Join(args[0], filepath.FromSlash(f.Name))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					return fileFault(err, path)
				}
				if err := os.WriteFile(path, bytes.TrimLeft(f.Text, "\n"), 0o644); err != nil {
					return fileFault(err, path)
				}
				fmt.Fprintln(c.out, path)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&codec, "codec", "json", "what the device sends: hl7v2, json or csv")
	return cmd
}

// filesOf reads the files of the profile in a folder that a server is told:
// profile.yaml, its tables and its cases.
func filesOf(folder string) (map[string]string, error) {
	found, err := folders([]string{folder})
	if err != nil {
		return nil, err
	}
	if len(found) > 1 {
		return nil, fault.New(fault.Invalid, "cli.argument", "the folder holds %d profiles; name the folder of one", len(found)).At(folder)
	}
	files := found[0].Files()
	maps.Copy(files, found[0].CaseFiles())
	return files, nil
}

func (c *program) profilePut() *cobra.Command {
	var reason string
	var despite bool
	cmd := &cobra.Command{
		Use: "put FOLDER", Short: "Bring the profile in a folder in force on the running server", Args: cobra.ExactArgs(1),
		Long:    "Check the profile in FOLDER, read its cases, and bring it in force; the server keeps the cases with it. One whose cases differ is refused. Messages that arrive from now on are read with it; what arrived before stays with the version of then. `thalamus profile try` says first what it would change.",
		Example: "  thalamus profile put profiles/acme/vm200 --reason 'labels of software 2.4'",
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := filesOf(args[0])
			if err != nil {
				return err
			}
			server, err := c.connect()
			if err != nil {
				return err
			}
			var row service.ProfileRow
			if err := server.Call(cmd.Context(), "profile.put", &service.PutProfile{Files: files, Reason: reason, DespiteCases: despite}, &row); err != nil {
				return err
			}
			return c.print(row)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit")
	cmd.Flags().BoolVar(&despite, "despite-cases", false, "bring it in force although its cases differ")
	return cmd
}

func (c *program) profileTry() *cobra.Command {
	var ask service.TryProfile
	var from uint64
	cmd := &cobra.Command{
		Use: "try FOLDER", Short: "Read what the running server has stored with a profile, and say what it would change", Args: cobra.ExactArgs(1),
		Long:    "Read entries of the server's journal with the profile in FOLDER and with what is in force, and count what would be different. Nothing changes.",
		Example: "  thalamus profile try profiles/acme/vm200 --limit 50000",
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := filesOf(args[0])
			if err != nil {
				return err
			}
			server, err := c.connect()
			if err != nil {
				return err
			}
			ask.Files, ask.From = files, model.Seq(from)
			var trial service.Trial
			if err := server.Call(cmd.Context(), "profile.try", &ask, &trial); err != nil {
				return err
			}
			cases := trial.Cases
			if !c.json {
				trial.Cases = nil // below, line by line
			}
			if err := c.print(trial); err != nil || c.json {
				return err
			}
			if len(cases) > 0 {
				fmt.Fprintln(c.out)
			}
			c.printCases(trial.Profile, cases)
			return nil
		},
	}
	cmd.Flags().StringVar((*string)(&ask.Channel), "channel", "", "only entries of this channel")
	cmd.Flags().Uint64Var(&from, "from", 0, "first entry to read; the last 10,000 unless told")
	cmd.Flags().IntVar(&ask.Limit, "limit", 0, "read so many entries, 10,000 unless told, at most 100,000")
	return cmd
}

func (c *program) profileSchema() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of profile.yaml, for editors", Args: cobra.NoArgs,
		Example: "  thalamus profile schema > profile.schema.json",
		RunE: func(*cobra.Command, []string) error {
			_, err := c.out.Write(profile.Schema())
			return err
		},
	}
}
