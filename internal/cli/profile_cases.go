package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"thalamus/internal/builtin"
	"thalamus/internal/fault"
	"thalamus/internal/flow"
	"thalamus/internal/profile"
	"thalamus/internal/service"
)

func (c *program) profileTest() *cobra.Command {
	var update, running bool
	cmd := &cobra.Command{
		Use: "test [FOLDER|NAME…]", Short: "Read a profile's cases and compare what they say",
		Long: "Read every case of the profiles in FOLDERs, or of those that come with the program, and compare what it says with expected.jsonl. --update writes what it says now instead: look at it before you keep it. " +
			"With --running, the profiles in force on the running server are read with the cases that it keeps: all, or those of the NAMEs. The exit code is 1 when a case differs.",
		Example: "  thalamus profile test profiles/acme/vm200\n  thalamus profile test --update profiles/acme/vm200\n  thalamus profile test --running acme/vm200",
		RunE: func(cmd *cobra.Command, names []string) error {
			if running && update {
				return fault.New(fault.Invalid, "cli.argument", "the cases on a server change with the profile alone: write them in its folder, then bring it in force with `thalamus profile put`").At("--update")
			}
			if running {
				return c.testRunning(cmd.Context(), names)
			}
			if update && len(names) == 0 {
				return fault.New(fault.Invalid, "cli.argument", "name the folder whose cases are to be written").At("--update")
			}
			if len(names) == 0 {
				return c.tryAll("", false)
			}
			for _, name := range names {
				if err := c.tryAll(name, update); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&update, "update", false, "write expected.jsonl as it comes out now")
	cmd.Flags().BoolVar(&running, "running", false, "test the profiles in force on the running server, with the cases it keeps")
	return cmd
}

// testRunning asks the server how the cases of its profiles come out.
func (c *program) testRunning(ctx context.Context, names []string) error {
	server, err := c.connect()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{""}
	}
	var all service.ProfilesTested
	all.Good = true
	for _, name := range names {
		var one service.ProfilesTested
		if err := server.Call(ctx, "profile.test", &service.ProfileTest{ID: name}, &one); err != nil {
			return err
		}
		all.Good = all.Good && one.Good
		all.Profiles = append(all.Profiles, one.Profiles...)
	}
	if c.json {
		if err := c.printJSON(c.out, all); err != nil {
			return err
		}
	} else {
		for _, p := range all.Profiles {
			switch p.Of {
			case "":
				fmt.Fprintf(c.out, "%s  no cases\n", p.Profile)
			case service.CasesOfProgram, service.CasesOfHouse:
				fmt.Fprintf(c.out, "%s  has no cases of its own; read with those of the %s's:\n", p.Profile, p.Of)
			}
			c.printCases(p.Profile, p.Cases)
		}
	}
	if !all.Good {
		return errSilent
	}
	return nil
}

type tried struct {
	Profile string            `json:"profile"`
	Cases   []flow.CaseResult `json:"cases"`
}

// printCases says line by line what is other than expected.
func (c *program) printCases(profile string, cases []flow.CaseResult) {
	for _, r := range cases {
		state := "as expected"
		if !r.OK {
			state = "differs"
		}
		fmt.Fprintf(c.out, "%s  %s  %s\n", profile, r.Case, state)
		for _, d := range r.Problems {
			fmt.Fprintf(c.out, "  line %d\n    expected %s\n    got      %s\n", d.Line, d.Expected, d.Got)
		}
	}
}

func (c *program) tryAll(name string, update bool) error {
	var names []string
	if name != "" {
		names = []string{name}
	}
	found, err := folders(names)
	if err != nil {
		return err
	}
	var out []tried
	failed := false
	for _, p := range found {
		results, err := flow.Try(p, builtin.Codecs())
		if err != nil {
			return err
		}
		for i, r := range results {
			if !r.OK && update {
				file, err := caseFile(name, p, r.Case)
				if err == nil {
					err = os.WriteFile(file, r.Got, 0o644)
				}
				if err != nil {
					return fileFault(err, r.Case)
				}
				results[i].OK, results[i].Problems = true, nil
			}
			failed = failed || !results[i].OK
		}
		out = append(out, tried{p.Ref(), results})
	}
	if c.json {
		err = c.printJSON(c.out, out)
	} else {
		for _, t := range out {
			c.printCases(t.Profile, t.Cases)
		}
	}
	if err == nil && failed {
		return errSilent
	}
	return err
}

// caseFile finds the expected.jsonl of a case below a folder.
func caseFile(root string, p *profile.Profile, name string) (string, error) {
	found := ""
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == profile.FileName {
			one, parseErr := profile.Parse(os.DirFS(filepath.Dir(path)), ".")
			if parseErr == nil && one.Name == p.Name {
				found = filepath.Join(filepath.Dir(path), "cases", name, "expected.jsonl")
			}
		}
		return err
	})
	return found, err
}
