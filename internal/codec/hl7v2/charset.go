package hl7v2

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"thalamus/internal/model"
)

// charset is one of HL7 table 0211, or what senders write there. Exactly one
// of table, multi and neither (UTF-8, ASCII) is set.
type charset struct {
	name  string
	label string           // as the standard spells it, for MSH-18
	table *charmap.Charmap // 8-bit
	multi encoding.Encoding
	trail trailing // what bytes of wide characters can be mistaken for delimiters
	right *set     // what ISO 2022 finds in the right half at the start
}

// trailing says how wide characters are built.
type trailing uint8

const (
	noTrail   trailing = iota // no byte below 0x80 in a wide character
	gbTrail                   // GB 18030
	bigTrail                  // Big5
	sjisTrail                 // Shift JIS
	isoTrail                  // ISO 2022 escapes into the left half
)

var (
	utf8Set    = charset{name: "UTF-8", label: "UNICODE UTF-8"}
	asciiSet   = charset{name: "ASCII", label: "ASCII"}
	windowsSet = charset{name: "WINDOWS-1252", label: "WINDOWS-1252", table: charmap.Windows1252}
)

// sets by the capitals and digits of their label.
var sets = map[string]*charset{
	"ASCII": &asciiSet, "USASCII": &asciiSet, "ISOIR6": &asciiSet, "ANSIX341968": &asciiSet, "7BIT": &asciiSet,
	"UNICODEUTF8": &utf8Set, "UTF8": &utf8Set, "UNICODE": &utf8Set, "UNICODE8": &utf8Set, "ISOIR192": &utf8Set,
	"WINDOWS1252": &windowsSet, "CP1252": &windowsSet, "WIN1252": &windowsSet, "ANSI": &windowsSet, "1252": &windowsSet,
	"88591":       {name: "8859/1", label: "8859/1", table: charmap.ISO8859_1, right: &setLatin1},
	"88592":       {name: "8859/2", label: "8859/2", table: charmap.ISO8859_2, right: &setLatin2},
	"88593":       {name: "8859/3", label: "8859/3", table: charmap.ISO8859_3, right: &setLatin3},
	"88594":       {name: "8859/4", label: "8859/4", table: charmap.ISO8859_4, right: &setLatin4},
	"88595":       {name: "8859/5", label: "8859/5", table: charmap.ISO8859_5, right: &setCyrillic},
	"88596":       {name: "8859/6", label: "8859/6", table: charmap.ISO8859_6, right: &setArabic},
	"88597":       {name: "8859/7", label: "8859/7", table: charmap.ISO8859_7, right: &setGreek},
	"88598":       {name: "8859/8", label: "8859/8", table: charmap.ISO8859_8, right: &setHebrew},
	"88599":       {name: "8859/9", label: "8859/9", table: charmap.ISO8859_9, right: &setLatin5},
	"885910":      {name: "8859/10", label: "8859/10", table: charmap.ISO8859_10},
	"885913":      {name: "8859/13", label: "8859/13", table: charmap.ISO8859_13},
	"885914":      {name: "8859/14", label: "8859/14", table: charmap.ISO8859_14},
	"885915":      {name: "8859/15", label: "8859/15", table: charmap.ISO8859_15, right: &setLatin9},
	"885916":      {name: "8859/16", label: "8859/16", table: charmap.ISO8859_16},
	"ISOIR14":     {name: "ISO IR14", label: "ISO IR14", trail: isoTrail, right: &setKatakana, multi: japanese.ISO2022JP},
	"ISOIR13":     {name: "ISO IR13", label: "ISO IR13", trail: isoTrail, right: &setKatakana, multi: japanese.ISO2022JP},
	"ISOIR87":     {name: "ISO IR87", label: "ISO IR87", trail: isoTrail, multi: japanese.ISO2022JP},
	"ISOIR159":    {name: "ISO IR159", label: "ISO IR159", trail: isoTrail, multi: japanese.ISO2022JP},
	"ISOIR149":    {name: "ISO IR149", label: "ISO IR149", trail: isoTrail, right: &setKorean, multi: korean.EUCKR},
	"ISOIR58":     {name: "ISO IR58", label: "ISO IR58", trail: isoTrail, right: &setChinese, multi: simplifiedchinese.GBK},
	"KSX1001":     {name: "KS X 1001", label: "KS X 1001", trail: isoTrail, right: &setKorean, multi: korean.EUCKR},
	"GB180302000": &gb18030Set, "GB18030": &gb18030Set, "GBK": &gb18030Set, "GB2312": &gb18030Set, "GB231280": &gb18030Set,
	"BIG5":     {name: "BIG-5", label: "BIG-5", trail: bigTrail, multi: traditionalchinese.Big5},
	"SHIFTJIS": {name: "Shift JIS", label: "SHIFT_JIS", trail: sjisTrail, multi: japanese.ShiftJIS},
	"EUCJP":    {name: "EUC-JP", label: "EUC-JP", multi: japanese.EUCJP},
	"EUCKR":    {name: "EUC-KR", label: "EUC-KR", multi: korean.EUCKR},
}

var gb18030Set = charset{name: "GB 18030-2000", label: "GB 18030-2000", trail: gbTrail, multi: simplifiedchinese.GB18030}

// lookup finds a character set by the label in MSH-18, however it is spelt:
// capitals and digits count, the words ISO, TABLE and LATIN do not.
func lookup(label []byte) *charset {
	var key [24]byte
	n := 0
	for _, c := range label {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if !upper(c) && !digit(c) {
			continue
		}
		if n == len(key) {
			return nil
		}
		key[n] = c
		n++
	}
	k := key[:n]
	if s := sets[string(k)]; s != nil {
		return s
	}
	if rest, ok := bytes.CutPrefix(k, []byte("ISO8859")); ok {
		var with [8]byte
		return sets[string(append(append(with[:0], "8859"...), rest...))]
	}
	for _, prefix := range [...]string{"ISO2022", "UNICODE"} {
		if rest, ok := bytes.CutPrefix(k, []byte(prefix)); ok {
			if s := sets[string(rest)]; s != nil {
				return s
			}
			var with [28]byte
			return sets[string(append(append(with[:0], "ISO"...), rest...))]
		}
	}
	return nil
}

// setCharset reads MSH-18 and MSH-20 before anything is cut, because the
// bytes of wide characters can look like delimiters.
func (m *Message) setCharset(start, end int) {
	m.cs = nil
	env := scanHeader(m.raw[start:end], m.d)
	label := env.Charset
	m.ascii = asciiOnly(m.raw[start:end])
	if m.ascii && len(label) == 0 && len(env.Switching) == 0 {
		m.cs = &asciiSet
		return
	}
	first, more, _ := bytes.Cut(label, []byte{m.d.Repetition})
	if m.d.Repetition == 0 {
		first, more = label, nil
	}
	if first = bytes.TrimSpace(first); len(first) > 0 {
		if m.cs = lookup(first); m.cs == nil {
			m.note(codeCharsetUnknown, model.Warning, "MSH-18", offsetOf(m.raw, first), "the character set is not known; texts are read as UTF-8 where they are UTF-8, else as Windows-1252", "use a name of HL7 table 0211, for example UNICODE UTF-8")
		}
	}
	if len(first) == 0 && len(more) > 0 {
		m.cs = &asciiSet // §2.15.9.18: the first repetition may be empty
	}
	m.shift = m.cs != nil && m.cs.trail == isoTrail || len(more) > 0 || len(env.Switching) > 0
	m.ascii = m.ascii && !(m.shift && bytes.IndexByte(m.raw[start:end], shiftOut) >= 0)
	if m.cs != nil && m.cs.trail != noTrail && !m.ascii || m.shift {
		m.mask = append(m.mask[:0], m.raw...)
		m.scan = m.mask
		m.cs.hide(m.mask[start:end], m.shift, m.d.Escape)
	}
}

// checkText settles how bytes above 0x7f are read when MSH-18 does not say,
// or says what is not so.
func (m *Message) checkText(start, end int) {
	if m.ascii {
		if m.cs == nil {
			m.cs = &asciiSet
		}
		return
	}
	high := firstHigh(m.raw, start, end)
	switch {
	case m.cs == nil || m.cs == &asciiSet && high < end && !m.shift:
		declared := m.cs == &asciiSet
		if utf8.Valid(m.raw[start:end]) {
			m.cs = &utf8Set
		} else {
			m.cs = &windowsSet
		}
		if high == end {
			return
		}
		if declared {
			m.note(codeCharsetWrong, model.Warning, m.PathAt(high), high, "a byte outside ASCII, which MSH-18 declares; texts were read as "+m.cs.name, "the sender should declare the character set it uses in MSH-18")
		} else if !m.bom || m.cs != &utf8Set {
			m.note(codeCharsetUndeclared, model.Warning, m.PathAt(high), high, "a byte outside ASCII, and MSH-18 declares no known character set; texts were read as "+m.cs.name, "the sender should declare the character set it uses in MSH-18")
		}
	case m.cs == &utf8Set && !m.shift:
		if bad := firstInvalid(m.raw, start, end); bad < end {
			m.note(codeCharsetWrong, model.Warning, m.PathAt(bad), bad, "bytes that are not UTF-8, which MSH-18 declares; the text was read as Windows-1252", "the sender should declare the character set it uses in MSH-18")
		}
	}
}

// decode appends src, which is in the message's character set, as UTF-8.
func (m *Message) decode(to, src []byte) []byte {
	cs := m.cs
	if cs == nil {
		cs = &utf8Set
	}
	if m.shift || bytes.IndexByte(src, 0x1b) >= 0 {
		return decode2022(to, src, cs)
	}
	return cs.decode(to, src)
}

// decode appends src as UTF-8. What the set does not hold becomes U+FFFD,
// but bytes that are not UTF-8 in a UTF-8 text are read as Windows-1252.
func (cs *charset) decode(to, src []byte) []byte {
	switch {
	case cs.table != nil:
		return decodeTable(to, src, cs.table)
	case cs.multi != nil:
		out, err := cs.multi.NewDecoder().Bytes(src)
		if err != nil {
			return append(to, bytes.ToValidUTF8(src, []byte("\uFFFD"))...)
		}
		return append(to, out...)
	case utf8.Valid(src):
		return append(to, src...)
	}
	return decodeTable(to, src, charmap.Windows1252)
}

func decodeTable(to, src []byte, table *charmap.Charmap) []byte {
	for _, c := range src {
		if c < 0x80 {
			to = append(to, c)
			continue
		}
		to = utf8.AppendRune(to, table.DecodeByte(c))
	}
	return to
}

// asciiOnly tells whether b holds neither a byte above 0x7f nor ESC.
func asciiOnly(b []byte) bool {
	if bytes.IndexByte(b, 0x1b) >= 0 {
		return false
	}
	return firstHigh(b, 0, len(b)) == len(b)
}

// firstHigh gives the first byte above 0x7f from start, or end.
func firstHigh(b []byte, start, end int) int {
	i := start
	for ; i+32 <= end; i += 32 {
		w := binary.LittleEndian.Uint64(b[i:]) | binary.LittleEndian.Uint64(b[i+8:]) |
			binary.LittleEndian.Uint64(b[i+16:]) | binary.LittleEndian.Uint64(b[i+24:])
		if w&0x8080808080808080 != 0 {
			break
		}
	}
	for ; i < end; i++ {
		if b[i] >= 0x80 {
			return i
		}
	}
	return end
}

// firstInvalid gives the first byte from start that is not UTF-8, or end.
func firstInvalid(b []byte, start, end int) int {
	if utf8.Valid(b[start:end]) {
		return end
	}
	for i := start; i < end; {
		r, n := utf8.DecodeRune(b[i:end])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return end
}

// offsetOf gives where part, a slice of whole, begins in it.
func offsetOf(whole, part []byte) int { return cap(whole) - cap(part) }

// encode appends text in the character set. It reports whether the set has
// all characters; those it has not become question marks.
func (cs *charset) encode(to []byte, text string) ([]byte, bool) {
	ok := true
	switch {
	case cs.table != nil:
		for _, r := range text {
			c, has := cs.table.EncodeRune(r)
			if !has {
				c, ok = '?', false
			}
			to = append(to, c)
		}
		return to, ok
	case cs.multi != nil:
		out, err := cs.multi.NewEncoder().Bytes([]byte(text))
		if err != nil {
			return append(to, '?'), false
		}
		return append(to, out...), true
	case cs == &utf8Set:
		return append(to, text...), utf8.ValidString(text)
	}
	for _, r := range text {
		if r >= 0x80 {
			r, ok = '?', false
		}
		to = append(to, byte(r))
	}
	return to, ok
}
