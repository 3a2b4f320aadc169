package profile

import (
	"encoding/json"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"thalamus/internal/fault"
)

// guard is one CEL expression over a row (cel.dev). The fields of the row are
// its variables; a field that is not there is null. What it may cost is
// bounded when it runs, its length when it is read.
type guard struct {
	text  string
	names []string // the variables it asks for
	run   cel.Program

	// Most conditions are name == "text", most values a text: these need no
	// interpreter, and profiles ask them of every value of a message.
	plain  bool
	name   string // compared with the text, empty where the text is the value
	equals string
}

const (
	maxGuard = 2000   // characters
	maxCost  = 20_000 // CEL cost units, a few milliseconds at the very most
)

// compile reads an expression. Variables of an expression are not declared
// anywhere: whatever name it uses is a field of the row.
func compile(source string) (*guard, *fault.Fault) {
	wrong := func(why string) *fault.Fault {
		return fault.New(fault.Invalid, "profile.expression", "%s", why)
	}
	if len(source) > maxGuard {
		return nil, wrong("the expression is too long")
	}
	base, err := cel.NewEnv(ext.Strings(), ext.Math(), cel.ParserRecursionLimit(60), cel.ParserExpressionSizeLimit(maxGuard))
	if err != nil {
		return nil, wrong(err.Error())
	}
	parsed, issues := base.Parse(source)
	if issues.Err() != nil {
		return nil, wrong(firstLine(issues.Err().Error()))
	}
	g := &guard{text: source, names: free(parsed.NativeRep())}
	g.shortcut(parsed.NativeRep().Expr())
	var variables []cel.EnvOption
	for _, name := range g.names {
		variables = append(variables, cel.Variable(name, cel.DynType))
	}
	env, err := base.Extend(variables...)
	if err != nil {
		return nil, wrong(err.Error())
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, wrong(firstLine(issues.Err().Error()))
	}
	if g.run, err = env.Program(checked, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize)); err != nil {
		return nil, wrong(firstLine(err.Error()))
	}
	return g, nil
}

// ask refuses an expression that asks for what is not there: a slip of the pen
// would make a condition that never holds, in silence.
func (g *guard) ask(known []string) *fault.Fault {
	if g == nil {
		return nil
	}
	for _, name := range g.names {
		if slices.Contains(known, name) {
			continue
		}
		hint := ""
		if near := fault.Nearest(name, known); near != "" {
			hint = "; did you mean " + near + "?"
		}
		return fault.New(fault.Invalid, "profile.expression", "there is no %q to ask for%s; known here: %s", name, hint, strings.Join(known, ", "))
	}
	return nil
}

// shortcut notes the expressions that need no interpreter.
func (g *guard) shortcut(e ast.Expr) {
	literal := func(e ast.Expr) (string, bool) {
		if e.Kind() != ast.LiteralKind {
			return "", false
		}
		s, ok := e.AsLiteral().(types.String)
		return string(s), ok
	}
	if g.equals, g.plain = literal(e); g.plain || e.Kind() != ast.CallKind {
		return
	}
	if c := e.AsCall(); c.FunctionName() == "_==_" && len(c.Args()) == 2 && c.Args()[0].Kind() == ast.IdentKind && !isType(c.Args()[0].AsIdent()) {
		g.name = c.Args()[0].AsIdent()
		g.equals, g.plain = literal(c.Args()[1])
	}
}

// firstLine of a CEL error, without the picture below it.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimPrefix(s, "ERROR: ")
}

// free lists the names an expression uses and does not define itself.
func free(a *ast.AST) []string {
	var names []string
	bound := map[string]bool{}
	ast.PreOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			c := e.AsComprehension()
			bound[c.IterVar()], bound[c.AccuVar()], bound[c.IterVar2()] = true, true, true
		}
	}))
	ast.PreOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind && !bound[e.AsIdent()] && !slices.Contains(names, e.AsIdent()) && !isType(e.AsIdent()) {
			names = append(names, e.AsIdent())
		}
	}))
	return names
}

func isType(name string) bool {
	switch name {
	case "int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "math", "strings":
		return true
	}
	return false
}

// value runs the expression over the fields that field gives.
func (g *guard) value(field func(name string) any) (any, error) {
	if g.plain && g.name == "" {
		return g.equals, nil
	}
	if g.plain {
		is, ok := field(g.name).(string)
		return ok && is == g.equals, nil
	}
	variables := make(map[string]any, len(g.names))
	for _, n := range g.names {
		variables[n] = plain(field(n))
	}
	out, _, err := g.run.Eval(variables)
	if err != nil {
		return nil, err
	}
	return native(out), nil
}

// holds is value as a condition: what is no truth value, or fails, does not
// hold.
func (g *guard) holds(field func(name string) any) (bool, error) {
	v, err := g.value(field)
	b, _ := v.(bool)
	return b, err
}

func native(v ref.Val) any {
	switch x := v.(type) {
	case types.Null:
		return nil
	case types.Bool:
		return bool(x)
	case types.Int:
		return int64(x)
	case types.Uint:
		return int64(x)
	case types.Double:
		return float64(x)
	case types.String:
		return string(x)
	}
	return nil
}

// plain turns numbers of JSON, which keep their digits, into what CEL counts
// with.
func plain(v any) any {
	switch x := v.(type) {
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return n
		}
		f, _ := x.Float64()
		return f
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = plain(x[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for k := range x {
			out[k] = plain(x[k])
		}
		return out
	}
	return v
}
