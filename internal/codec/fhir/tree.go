package fhir

// Sort of a JSON value.
type Sort uint8

const (
	Null Sort = iota
	Bool
	Number
	Text
	Array
	Object
)

// Node is one JSON value. The zero Node is null. Objects keep the order of
// their members, numbers the text they were written with.
type Node struct {
	sort  Sort
	text  string   // Text: decoded; Number: as written; Bool: "true" or "false"
	names []string // Object: names, beside elems
	elems []Node   // Array and Object
}

// TextOf, NumberOf and BoolOf make leaves. NumberOf takes the text of a JSON
// number and does not check it.
func TextOf(s string) Node   { return Node{sort: Text, text: s} }
func NumberOf(s string) Node { return Node{sort: Number, text: s} }
func BoolOf(b bool) Node {
	if b {
		return Node{sort: Bool, text: "true"}
	}
	return Node{sort: Bool, text: "false"}
}

// ArrayOf makes an array.
func ArrayOf(elems ...Node) Node { return Node{sort: Array, elems: elems} }

// ObjectOf makes an empty object.
func ObjectOf() Node { return Node{sort: Object} }

// Sort tells what the node is; a nil node is Null.
func (n *Node) Sort() Sort {
	if n == nil {
		return Null
	}
	return n.sort
}

// Text is the decoded text of a Text, the written text of a Number or Bool,
// and empty for everything else.
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	return n.text
}

// Len is the number of elements or members.
func (n *Node) Len() int {
	if n == nil {
		return 0
	}
	return len(n.elems)
}

// At gives element or member i; nil when there is none.
func (n *Node) At(i int) *Node {
	if n == nil || i < 0 || i >= len(n.elems) {
		return nil
	}
	return &n.elems[i]
}

// Name gives the name of member i of an object.
func (n *Node) Name(i int) string {
	if n == nil || i < 0 || i >= len(n.names) {
		return ""
	}
	return n.names[i]
}

// Get follows member names; on the way an array stands for its first element.
// It gives nil when there is nothing at the end.
func (n *Node) Get(path ...string) *Node {
	for _, name := range path {
		if n.Sort() == Array {
			n = n.At(0)
		}
		n = n.member(name)
		if n == nil {
			return nil
		}
	}
	return n
}

func (n *Node) member(name string) *Node {
	if n.Sort() != Object {
		return nil
	}
	for i, have := range n.names {
		if have == name {
			return &n.elems[i]
		}
	}
	return nil
}

// Set replaces the member, or adds it at the end.
func (n *Node) Set(name string, value Node) {
	if have := n.member(name); have != nil {
		*have = value
		return
	}
	n.names = append(n.names, name)
	n.elems = append(n.elems, value)
}

// Remove takes the member away; it tells whether there was one.
func (n *Node) Remove(name string) bool {
	for i, have := range n.names {
		if have == name {
			n.names = append(n.names[:i:i], n.names[i+1:]...)
			n.elems = append(n.elems[:i:i], n.elems[i+1:]...)
			return true
		}
	}
	return false
}

// Append adds an element to an array.
func (n *Node) Append(value Node) { n.elems = append(n.elems, value) }

// Clone copies the node and everything under it.
func (n *Node) Clone() Node {
	c := Node{sort: n.sort, text: n.text}
	if n.names != nil {
		c.names = append([]string(nil), n.names...)
	}
	if n.elems != nil {
		c.elems = make([]Node, len(n.elems))
		for i := range n.elems {
			c.elems[i] = n.elems[i].Clone()
		}
	}
	return c
}

// AppendJSON adds the compact JSON of the node to b.
func (n *Node) AppendJSON(b []byte) []byte {
	switch n.Sort() {
	case Bool, Number:
		return append(b, n.text...)
	case Text:
		return appendText(b, n.text)
	case Array:
		b = append(b, '[')
		for i := range n.elems {
			if i > 0 {
				b = append(b, ',')
			}
			b = n.elems[i].AppendJSON(b)
		}
		return append(b, ']')
	case Object:
		b = append(b, '{')
		for i := range n.elems {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, n.names[i]), ':')
			b = n.elems[i].AppendJSON(b)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// MarshalJSON gives the compact JSON of the node.
func (n Node) MarshalJSON() ([]byte, error) { return n.AppendJSON(nil), nil }

const hexDigits = "0123456789abcdef"

// appendText adds s as a JSON string, escaping only what must be.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}
