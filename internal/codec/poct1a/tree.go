package poct1a

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"unicode/utf8"

	"thalamus/internal/fault"
)

// Bounds of a document.
const (
	maxDepth = 64
	maxNodes = 200_000
)

// Node is an element: its name, its attributes, what stands below it. A nil
// Node is empty.
type Node struct {
	Name string
	V    string // the attribute V, else the text inside
	U    string // unit
	SN   string // name of the coding system
	DN   string // display name
	Kids []*Node
}

// Parse reads a document. Document type declarations and entities of their own
// are refused.
func Parse(b []byte) (*Node, error) {
	bad := func(text string) (*Node, error) {
		return nil, fault.New(fault.Invalid, "poct1a.xml", "%s", text)
	}
	if !utf8.Valid(b) && !bytes.Contains(b[:min(len(b), 200)], []byte("encoding=")) {
		b = latin1(b) // what devices that say nothing of it mean by bytes that are no UTF-8
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = charset
	var root *Node
	var open []*Node
	nodes := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return bad("this is no well-formed XML document")
		}
		switch t := token.(type) {
		case xml.StartElement:
			if nodes++; nodes > maxNodes || len(open) == maxDepth {
				return bad("the document is deeper or has more elements than any message")
			}
			n := nodeOf(t)
			switch {
			case len(open) > 0:
				above := open[len(open)-1]
				above.Kids = append(above.Kids, n)
			case root != nil:
				return bad("there is something behind the document")
			default:
				root = n
			}
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); text != "" && len(open) > 0 {
				if n := open[len(open)-1]; n.V == "" {
					n.V = text
				}
			}
		case xml.Directive:
			return bad("the document has a document type declaration; nobody needs one here")
		}
	}
	if root == nil {
		return bad("there is no document")
	}
	return root, nil
}

func nodeOf(t xml.StartElement) *Node {
	n := &Node{Name: t.Name.Local}
	for _, a := range t.Attr {
		switch a.Name.Local {
		case "V":
			n.V = strings.TrimSpace(a.Value)
		case "U":
			n.U = strings.TrimSpace(a.Value)
		case "SN":
			n.SN = strings.TrimSpace(a.Value)
		case "DN":
			n.DN = strings.TrimSpace(a.Value)
		}
	}
	return n
}

// charset reads ISO 8859-1 and its relatives, which devices name.
func charset(name string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "utf-8", "us-ascii", "ascii":
		return in, nil
	case "iso-8859-1", "latin1", "windows-1252":
		b, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		return bytes.NewReader(latin1(b)), nil
	}
	return nil, fault.New(fault.Invalid, "poct1a.xml", "the document is written in characters that nobody here knows")
}

func latin1(b []byte) []byte {
	out := make([]byte, 0, len(b)+len(b)/8)
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

// Kid is the first element of that name below n, nil when there is none.
func (n *Node) Kid(name string) *Node {
	if n == nil {
		return nil
	}
	for _, k := range n.Kids {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// All are the elements of that name below n.
func (n *Node) All(name string) (out []*Node) {
	if n == nil {
		return nil
	}
	for _, k := range n.Kids {
		if k.Name == name {
			out = append(out, k)
		}
	}
	return out
}

// Value is V of the first element of that name below n.
func (n *Node) Value(name string) string {
	if k := n.Kid(name); k != nil {
		return k.V
	}
	return ""
}
