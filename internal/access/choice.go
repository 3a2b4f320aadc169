package access

import "thalamus/internal/model"

// Choice is how somebody wants to see a page: a view kept under a name, or the
// columns of a table. It belongs to the account and so is the same in every
// browser; it gives no right and changes nothing for others (decision 191).
type Choice struct {
	Actor model.ActorID
	Kind  string // view, columns
	Page  string // path of the page; of columns the table's id
	Name  string // of the view; empty for columns
	Value string // query of the address; which columns
}

// Kinds of choices.
const (
	ViewChoice    = "view"
	ColumnsChoice = "columns"
)
