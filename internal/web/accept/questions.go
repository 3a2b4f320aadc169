package accept

import (
	"context"
	"slices"

	"thalamus/internal/web/ui"
)

// builtIn are the texts of the questions that come with the program; their
// English text is the key of the catalogues. Questions of the house's own
// templates stay as they were written.
func builtIn() []string {
	return []string{
		ui.N("Does the maker assess vulnerabilities and release security updates in a known cycle?"),
		ui.N("Does the maker have a programme for the disclosure of vulnerabilities?"),
		ui.N("Is its operating system supported by its maker for as long as we mean to use it?"),
		ui.N("Is what it sends over the network encrypted, and what it stores?"),
		ui.N("Do people and systems have to authenticate, each with credentials of their own that can be changed?"),
		ui.N("Can users be given different rights by their role?"),
		ui.N("Does it record who did what, and can we export that record?"),
		ui.N("Are all open ports and protocols listed, and those not needed closed?"),
		ui.N("Can anybody reach it from outside of the house, and is that only with our consent?"),
		ui.N("Can its settings and what it stores be backed up and brought back?"),
		ui.N("Which personal information does it keep or give out, how, and can that be exported in a form others read?"),
		ui.N("Is its end of support known, and can what it stores be erased when it leaves?"),
	}
}

// questionText is a question in the reader's language, where it came with the
// program.
func questionText(ctx context.Context, text string) string {
	if slices.Contains(builtIn(), text) {
		return ui.T(ctx, text)
	}
	return text
}
