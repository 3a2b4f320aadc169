package sheet

import (
	"bytes"
	"fmt"

	"github.com/xuri/excelize/v2"

	"thalamus/internal/fault"
)

// mostSheets is how many sheets of a workbook are looked at.
const mostSheets = 50

// workbook reads the first sheet that has something. Sizes are bounded before
// anything is unpacked, and a defect of the reader that a hostile file shows is
// an error.
func workbook(body []byte) (grid [][]string, sheet string, err error) {
	unreadable := func(why error) error {
		return fault.Wrap(why, fault.Invalid, "sheet.form", "the workbook cannot be read; open it in a spreadsheet program and save it again as .xlsx")
	}
	defer func() {
		if x := recover(); x != nil {
			grid, err = nil, unreadable(fmt.Errorf("%v", x))
		}
	}()
	book, err := excelize.OpenReader(bytes.NewReader(body), excelize.Options{UnzipSizeLimit: mostUnpacked, UnzipXMLSizeLimit: mostUnpacked, ShortDatePattern: "yyyy-mm-dd", LongDatePattern: "yyyy-mm-dd"})
	if err != nil {
		return nil, "", unreadable(err)
	}
	defer book.Close()
	names := book.GetSheetList()
	for _, name := range names[:min(len(names), mostSheets)] {
		rows, err := book.Rows(name)
		if err != nil {
			continue // a chart or a dialogue
		}
		some := false
		for rows.Next() {
			cells, err := rows.Columns()
			if err == nil {
				cells, err = kept(cells)
			}
			if err != nil {
				_ = rows.Close()
				return nil, "", unreadable(err)
			}
			some = some || !empty(cells)
			if grid = append(grid, cells); len(grid) > MostRows+100 {
				_ = rows.Close()
				return nil, "", large()
			}
		}
		if err := rows.Close(); err != nil {
			return nil, "", unreadable(err)
		}
		if some {
			return grid, name, nil
		}
		grid = nil
	}
	return nil, "", nil
}
