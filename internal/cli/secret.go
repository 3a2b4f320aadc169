package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// maxSecret bounds what is read as a secret.
const maxSecret = 4096

// secretFlags gives an operation whose request holds a secret its way in: the
// command asks for it without echo, or reads the first line of the standard
// input when that is no terminal. Where the secret is optional, --with-NAME
// says that it shall be asked for.
func (c *program) secretFlags(cmd *cobra.Command, fields []service.Field) func(request any) error {
	var ask []func(request any) error
	for _, f := range fields {
		if !f.Secret {
			continue
		}
		wanted := f.Required
		if !wanted {
			cmd.Flags().BoolVar(&wanted, "with-"+f.Name, false, "ask for the "+f.Name+"; from the standard input when that is no terminal")
		} else {
			cmd.Long = fmt.Sprintf("%s The %s is asked for without echo; when the standard input is no terminal, its first line is read.", cmd.Short, f.Name)
		}
		ask = append(ask, func(request any) error {
			if !wanted {
				return nil
			}
			text, err := c.secret(f.Name)
			if err != nil {
				return err
			}
			return f.Set(request, []string{text})
		})
	}
	return func(request any) error {
		for _, a := range ask {
			if err := a(request); err != nil {
				return err
			}
		}
		return nil
	}
}

// secret asks for a secret twice without echo, or reads one line.
func (c *program) secret(name string) (string, error) {
	file, ok := c.in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(c.in, maxSecret)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", fault.Wrap(err, fault.Invalid, "cli.secret", "cannot read the %s from the standard input", name)
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", fault.New(fault.Invalid, "cli.secret", "the standard input holds no %s", name)
		}
		return line, nil
	}
	first, err := c.hidden(file, "New "+name+": ")
	if err != nil {
		return "", err
	}
	second, err := c.hidden(file, "Once more: ")
	if err != nil {
		return "", err
	}
	if !bytes.Equal(first, second) {
		return "", fault.New(fault.Invalid, "cli.secret", "the two are not the same; nothing was changed")
	}
	return string(first), nil
}

func (c *program) hidden(file *os.File, prompt string) ([]byte, error) {
	fmt.Fprint(c.err, prompt)
	text, err := term.ReadPassword(int(file.Fd()))
	fmt.Fprintln(c.err)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "cli.secret", "nothing was entered")
	}
	return text, nil
}
