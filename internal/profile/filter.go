package profile

import (
	"cmp"
	"encoding/json"
	"strconv"

	"thalamus/internal/model"
)

// filter is one condition of a path's [?(…)] (RFC 9535 §2.3.5).
type filter struct {
	op          string // && || ! == != < <= > >= exists
	left, right *filter
	a, b        operand
}

type operand struct {
	path    *path
	literal any
}

func (o operand) value(w *walk, v any) (any, bool) {
	if o.path == nil {
		return o.literal, true
	}
	found := w.all(*o.path, v, 1)
	if len(found) == 0 {
		return nil, false
	}
	return found[0].value, true
}

func (f *filter) holds(w *walk, v any) bool {
	switch f.op {
	case "&&":
		return f.left.holds(w, v) && f.right.holds(w, v)
	case "||":
		return f.left.holds(w, v) || f.right.holds(w, v)
	case "!":
		return !f.left.holds(w, v)
	case "exists":
		_, ok := f.a.value(w, v)
		return ok
	}
	a, okA := f.a.value(w, v)
	b, okB := f.b.value(w, v)
	if !okA || !okB {
		return (okA == okB) == (f.op == "==" || f.op == "<=" || f.op == ">=")
	}
	c, comparable := compare(a, b)
	switch f.op {
	case "==":
		return comparable && c == 0
	case "!=":
		return !comparable || c != 0
	case "<":
		return comparable && c < 0
	case "<=":
		return comparable && c <= 0
	case ">":
		return comparable && c > 0
	}
	return comparable && c >= 0
}

// compare orders two scalars of one kind.
func compare(a, b any) (int, bool) {
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return cmp.Compare(x.Float64(), y.Float64()), true
		}
		return 0, false
	}
	switch x := a.(type) {
	case nil:
		return 0, b == nil
	case bool:
		y, ok := b.(bool)
		if x == y {
			return 0, ok
		}
		return 1, false
	case string:
		y, ok := b.(string)
		switch {
		case x < y:
			return -1, ok
		case x > y:
			return 1, ok
		}
		return 0, ok
	}
	return 0, false
}

// number reads a JSON number or a number of an expression; texts are none.
func number(v any) (model.Decimal, bool) {
	switch x := v.(type) {
	case json.Number:
		d, err := model.ParseDecimal(x.String())
		return d, err == nil
	case int64:
		return model.Decimal{Coef: x}, true
	case float64:
		d, err := model.ParseDecimal(strconv.FormatFloat(x, 'f', -1, 64))
		return d, err == nil
	}
	return model.Decimal{}, false
}

// maxNested bounds brackets in a filter.
const maxNested = 20

func (r *reader) either() *filter {
	if r.depth++; r.depth > maxNested {
		r.fail("the filter is nested too deep")
		return &filter{}
	}
	defer func() { r.depth-- }()
	f := r.both()
	for r.space(); r.err == nil && r.take("||"); r.space() {
		f = &filter{op: "||", left: f, right: r.both()}
	}
	return f
}

func (r *reader) both() *filter {
	f := r.one()
	for r.space(); r.err == nil && r.take("&&"); r.space() {
		f = &filter{op: "&&", left: f, right: r.one()}
	}
	return f
}

func (r *reader) one() *filter {
	r.space()
	if r.at < len(r.s) && r.s[r.at] == '!' && !(r.at+1 < len(r.s) && r.s[r.at+1] == '=') {
		r.at++
		if r.depth++; r.depth > maxNested {
			r.fail("the filter is nested too deep")
			return &filter{}
		}
		defer func() { r.depth-- }()
		return &filter{op: "!", left: r.one()}
	}
	if r.take("(") {
		f := r.either()
		r.space()
		if !r.take(")") {
			r.fail("expected )")
		}
		return f
	}
	a := r.operand()
	r.space()
	for _, op := range [...]string{"==", "!=", "<=", ">=", "<", ">"} {
		if r.take(op) {
			r.space()
			return &filter{op: op, a: a, b: r.operand()}
		}
	}
	if a.path == nil {
		r.fail("expected a comparison")
	}
	return &filter{op: "exists", a: a}
}

func (r *reader) operand() operand {
	r.space()
	switch {
	case r.at >= len(r.s):
		r.fail("expected a path or a value")
	case r.s[r.at] == '\'' || r.s[r.at] == '"':
		return operand{literal: r.quoted()}
	case r.s[r.at] == '@' || r.s[r.at] == '$':
		p := path{root: r.s[r.at] == '$'}
		from := r.at
		r.at++
		r.steps(&p.steps)
		p.text = r.s[from:r.at]
		return operand{path: &p}
	case r.take("true"):
		return operand{literal: true}
	case r.take("false"):
		return operand{literal: false}
	case r.take("null"):
		return operand{literal: nil}
	default:
		from := r.at
		for r.at < len(r.s) && (r.s[r.at] >= '0' && r.s[r.at] <= '9' || r.s[r.at] == '-' || r.s[r.at] == '+' || r.s[r.at] == '.' || r.s[r.at] == 'e' || r.s[r.at] == 'E') {
			r.at++
		}
		if _, err := model.ParseDecimal(r.s[from:r.at]); err == nil {
			return operand{literal: json.Number(r.s[from:r.at])}
		}
		r.fail("expected @.path, a number, true, false, null or a text in quotes")
	}
	return operand{}
}
