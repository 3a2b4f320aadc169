package extract

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"thalamus/internal/model"
)

// kit is what the files of one part have in common.
type kit struct {
	dir, day string
	number   int
	form     Form
	made     string // the release, for the files' heads
	press    *zstd.Codec
}

// newPress makes what compresses the pages of Parquet files. It keeps encoders
// of some megabytes each, so all files of a run share one.
func newPress() *zstd.Codec { return &zstd.Codec{Level: zstd.SpeedFastest} }

// sheet is the file of one table in one part; it is begun with its first row.
type sheet[Row any] struct {
	kit
	table Table
	n     int64
	file  *making
	enc   encoder[Row]
}

// encoder writes rows in one form.
type encoder[Row any] interface {
	put(rows []Row) error
	end() error
}

// put adds rows, which the encoder does not keep.
func (s *sheet[Row]) put(rows []Row) (err error) {
	if s.file == nil {
		// Partitions as Hive, DuckDB, Spark and Arrow read them.
		name := fmt.Sprintf("%s/day=%s/part-%04d.%s", s.table, s.day, s.number, s.form)
		if s.file, err = begin(s.dir, name); err != nil {
			return err
		}
		if s.form == CSV {
			s.enc, err = newCSV[Row](s.file)
		} else {
			s.enc = newParquet[Row](s.file, s.table, s.kit)
		}
		if err != nil {
			return diskFault(err, s.file.path())
		}
	}
	s.n += int64(len(rows))
	if err := s.enc.put(rows); err != nil {
		return diskFault(err, s.file.path())
	}
	return nil
}

func (s *sheet[Row]) finish() (f File, some bool, err error) {
	if s.file == nil {
		return f, false, nil
	}
	if err := s.enc.end(); err != nil {
		return f, false, diskFault(err, s.file.path())
	}
	f, err = s.file.finish()
	f.Table, f.Rows = string(s.table), s.n
	return f, true, err
}

func (s *sheet[Row]) drop() {
	if s.file != nil {
		s.file.drop()
	}
}

// rowGroup is how many rows of a Parquet file are in memory at most. Waveforms
// are longer than other rows.
const (
	rowGroup     = 32 << 10
	rowGroupWave = 2 << 10
)

// SchemaVersion is in every Parquet file under the key "thalamus.schema".
const SchemaVersion = "1"

type parquetSheet[Row any] struct{ w *parquet.GenericWriter[Row] }

func newParquet[Row any](out io.Writer, t Table, k kit) parquetSheet[Row] {
	rows := int64(rowGroup)
	if t == Waveforms {
		rows = rowGroupWave
	}
	return parquetSheet[Row]{parquet.NewGenericWriter[Row](out,
		parquet.SchemaOf(*new(Row)), parquet.Compression(k.press), parquet.MaxRowsPerRowGroup(rows),
		parquet.CreatedBy("thalamus", k.made, "parquet-go"), parquet.DictionaryMaxBytes(1<<20), parquet.PageBufferSize(64<<10),
		parquet.KeyValueMetadata("thalamus.table", string(t)), parquet.KeyValueMetadata("thalamus.schema", SchemaVersion),
	)}
}

func (p parquetSheet[Row]) put(rows []Row) error { _, err := p.w.Write(rows); return err }
func (p parquetSheet[Row]) end() error           { return p.w.Close() }

// csvSheet writes RFC 4180: a head, CRLF, quotes where needed, UTF-8.
type csvSheet[Row any] struct {
	w      *csv.Writer
	fields [][]int
	cells  []string
}

func newCSV[Row any](out io.Writer) (*csvSheet[Row], error) {
	c := &csvSheet[Row]{w: csv.NewWriter(out)}
	c.w.UseCRLF = true
	var head []string
	for _, f := range columns(reflect.TypeFor[Row]()) {
		c.fields = append(c.fields, f.Index)
		head = append(head, nameOf(f))
	}
	c.cells = make([]string, len(head))
	return c, c.w.Write(head)
}

// columns gives the fields of a row in their order.
func columns(row reflect.Type) []reflect.StructField {
	var out []reflect.StructField
	for _, f := range reflect.VisibleFields(row) {
		if !f.Anonymous {
			out = append(out, f)
		}
	}
	return out
}

// Columns gives the names of a table's columns, in order.
func Columns(t Table) []string {
	row := map[Table]reflect.Type{
		Observations: reflect.TypeFor[observationRow](), Waveforms: reflect.TypeFor[waveformRow](), Alerts: reflect.TypeFor[alertRow](),
		Messages: reflect.TypeFor[messageRow](), Issues: reflect.TypeFor[issueRow](),
	}[t]
	var names []string
	for _, f := range columns(row) {
		names = append(names, nameOf(f))
	}
	return names
}

func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("parquet"), ",")
	return name
}

func (c *csvSheet[Row]) put(rows []Row) error {
	for i := range rows {
		row := reflect.ValueOf(&rows[i]).Elem()
		for k, index := range c.fields {
			c.cells[k] = cell(row.FieldByIndex(index))
		}
		if err := c.w.Write(c.cells); err != nil {
			return err
		}
	}
	return nil
}

func (c *csvSheet[Row]) end() error {
	c.w.Flush()
	return c.w.Error()
}

var timeType = reflect.TypeFor[time.Time]()

// cell writes a value as text; null is empty.
func cell(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return harmless(v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return strconv.FormatFloat(v.Elem().Float(), 'g', -1, 64)
	case reflect.Slice:
		var b []byte
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ' ')
			}
			if n := v.Index(i).Int(); n == model.Gap {
				b = append(b, 'E') // as FHIR SampledData writes it
			} else {
				b = strconv.AppendInt(b, n, 10)
			}
		}
		return string(b)
	}
	if v.Type() == timeType {
		t, _ := v.Interface().(time.Time)
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339Nano)
	}
	return ""
}

// Harmless is how every CSV that we write keeps texts from being formulas.
func Harmless(s string) string { return harmless(s) }

// harmless keeps a spreadsheet from taking a text that a device sent for a
// formula: an apostrophe is put before =, +, -, @, tab and carriage return at
// its beginning, unless it is a number (decision 0088). It also does so for a
// text that begins with an apostrophe before one of these, so that taking one
// away gives back what was there.
func harmless(s string) string {
	rest := strings.TrimLeft(s, "'")
	if rest == "" || !strings.ContainsRune("=+-@\t\r", rune(rest[0])) {
		return s
	}
	if len(rest) == len(s) {
		if _, err := model.ParseDecimal(s); err == nil {
			return s
		}
	}
	return "'" + s
}
