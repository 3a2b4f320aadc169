package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"thalamus/internal/service"
)

// watchLive shows the last values of every bed once a second until it is
// interrupted: on a terminal in place, else one after the other, with --json
// one array a line.
func (c *program) watchLive(op service.Op) *cobra.Command {
	var ask service.LiveAsk
	cmd := &cobra.Command{
		Use: op.Verb() + " [PLACE]", Short: op.Doc, Args: cobra.MaximumNArgs(1),
		Long:    "Show the last values of every bed, once a second, until it is interrupted. With --json each look is one line.",
		Example: "  thalamus live watch ICU\n  thalamus live watch --json | head -1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				ask.Place = args[0]
			}
			caller, err := c.connect()
			if err != nil {
				return err
			}
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for {
				var beds []service.Bed
				if err := caller.Call(cmd.Context(), "live.get", ask, &beds); err != nil {
					if cmd.Context().Err() != nil {
						return nil
					}
					return err
				}
				if err := c.showBeds(beds); err != nil {
					return err
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-tick.C:
				}
			}
		},
	}
	cmd.Flags().StringVar((*string)(&ask.Patient), "patient", "", "only this patient")
	cmd.Flags().StringVar((*string)(&ask.Device), "device", "", "only this device")
	return cmd
}

const clearScreen = "\x1b[H\x1b[2J"

func (c *program) showBeds(beds []service.Bed) error {
	if c.json {
		e := json.NewEncoder(c.out)
		e.SetEscapeHTML(false)
		return e.Encode(beds)
	}
	if f, ok := c.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(c.out, clearScreen)
	}
	fmt.Fprintln(c.out, time.Now().Format("15:04:05"))
	return printBeds(c.out, beds, c.width())
}

// printBeds writes a bed after the other, each with its values.
func printBeds(w io.Writer, beds []service.Bed, width int) error {
	for i, b := range beds {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := printFields(w, reflect.ValueOf(b), width); err != nil {
			return err
		}
	}
	if len(beds) == 0 {
		_, err := fmt.Fprintln(w, "none")
		return err
	}
	return nil
}
