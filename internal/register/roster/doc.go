// Package roster takes inventories of other systems into the register: which
// column says what, which row is which device, and what would change. It is
// pure: it is given a table and what the register knows, and gives problems
// row by row and a plan, before anything is written (R29, R56).
//
//	guess.go    which column says what, by its name (English, German, French;
//	            Snipe-IT, GLPI, AccessGUDID)
//	values.go   values as people write them, to the form the register keeps
//	row.go      a table to rows, with every problem and where it stands
//	known.go    what the register knows its devices by
//	plan.go     rows to steps: new, changed, same, doubtful
package roster
