package hl7v2

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// set is a coded set that ISO 2022 can put into the left or right half.
type set struct {
	table *charmap.Charmap  // 96-set: byte|0x80 in this table
	kana  bool              // JIS X 0201 katakana: byte|0x80 is U+FF61…U+FF9F
	multi encoding.Encoding // 94×94 set: two bytes|0x80 in this encoding
	shift byte              // and this byte before them
}

var (
	setASCII    = set{}
	setKatakana = set{kana: true}
	setLatin1   = set{table: charmap.ISO8859_1}
	setLatin2   = set{table: charmap.ISO8859_2}
	setLatin3   = set{table: charmap.ISO8859_3}
	setLatin4   = set{table: charmap.ISO8859_4}
	setCyrillic = set{table: charmap.ISO8859_5}
	setArabic   = set{table: charmap.ISO8859_6}
	setGreek    = set{table: charmap.ISO8859_7}
	setHebrew   = set{table: charmap.ISO8859_8}
	setLatin5   = set{table: charmap.ISO8859_9}
	setLatin9   = set{table: charmap.ISO8859_15}
	setKanji    = set{multi: japanese.EUCJP}
	setKanji2   = set{multi: japanese.EUCJP, shift: 0x8f}
	setChinese  = set{multi: simplifiedchinese.GBK}
	setKorean   = set{multi: korean.EUCKR}
)

// SO puts the right set into the left half, SI takes it away.
const shiftOut, shiftIn = 0x0e, 0x0f

// designation is an escape sequence without its ESC.
type designation struct {
	seq   string
	right bool
	to    *set
}

// designations, as in ISO 2022 and DICOM PS3.3 table C.12-3 and -4, which
// HL7 v2.5.1 §2.7.3 and table 0211 share. JIS X 0201 roman is read as ASCII:
// the yen sign and the overline that it has instead are the delimiters \ and ~.
var designations = [...]designation{
	{"(B", false, &setASCII}, {"(J", false, &setASCII}, {"(I", false, &setKatakana}, {")I", true, &setKatakana},
	{"$B", false, &setKanji}, {"$@", false, &setKanji}, {"$(B", false, &setKanji}, {"$(D", false, &setKanji2},
	{"$)B", true, &setKanji}, {"$)D", true, &setKanji2},
	{"$)A", true, &setChinese}, {"$A", false, &setChinese}, {"$(A", false, &setChinese},
	{"$)C", true, &setKorean}, {"$(C", false, &setKorean},
	{"-A", true, &setLatin1}, {"-B", true, &setLatin2}, {"-C", true, &setLatin3}, {"-D", true, &setLatin4},
	{"-L", true, &setCyrillic}, {"-G", true, &setArabic}, {"-F", true, &setGreek}, {"-H", true, &setHebrew},
	{"-M", true, &setLatin5}, {"-b", true, &setLatin9},
}

// designate finds the designation that begins b, after its ESC.
func designate(b []byte) *designation {
	for i := range designations {
		if d := &designations[i]; len(b) >= len(d.seq) && string(b[:len(d.seq)]) == d.seq {
			return d
		}
	}
	return nil
}

// designates tells whether seq is exactly one designation.
func designates(seq []byte) bool {
	d := designate(seq)
	return d != nil && len(d.seq) == len(seq)
}

// decode2022 appends src as UTF-8, switching sets as its escapes say. Bytes
// of the right half are read with the base set until a set is put there.
func decode2022(to, src []byte, base *charset) []byte {
	left, right := &setASCII, base.right
	out := false // SO: the right set serves the left half
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == 0x1b:
			if d := designate(src[i+1:]); d != nil {
				if d.right {
					right = d.to
				} else {
					left = d.to
				}
				i += 1 + len(d.seq)
				continue
			}
			to = append(to, c)
			i++
		case c == shiftOut || c == shiftIn:
			out = c == shiftOut
			i++
		case c <= ' ' || c == 0x7f:
			to = append(to, c)
			i++
		default:
			s, high := left, c >= 0x80
			if high || out && right != nil {
				s = right
			}
			n := i + 1
			for n < len(src) && src[n] > ' ' && src[n] != 0x7f && src[n] >= 0x80 == high {
				n++
			}
			if s == nil {
				to = base.decode(to, src[i:n])
			} else {
				to = s.decode(to, src[i:n])
			}
			i = n
		}
	}
	return to
}

// decode appends the characters that the bytes mean in the set.
func (s *set) decode(to, src []byte) []byte {
	switch {
	case s.multi != nil:
		wide := make([]byte, 0, len(src)*3/2+2)
		for i := 0; i+1 < len(src); i += 2 {
			if s.shift != 0 {
				wide = append(wide, s.shift)
			}
			wide = append(wide, src[i]|0x80, src[i+1]|0x80)
		}
		if text, err := s.multi.NewDecoder().Bytes(wide); err == nil {
			to = append(to, text...)
		}
		if len(src)%2 != 0 {
			to = utf8.AppendRune(to, utf8.RuneError)
		}
		return to
	case s.table != nil:
		for _, c := range src {
			to = utf8.AppendRune(to, s.table.DecodeByte(c|0x80))
		}
		return to
	case s.kana:
		for _, c := range src {
			if c |= 0x80; c < 0xa1 || c > 0xdf {
				to = utf8.AppendRune(to, utf8.RuneError)
			} else {
				to = utf8.AppendRune(to, 0xff61+rune(c-0xa1))
			}
		}
		return to
	}
	return append(to, src...)
}

// hidden stands in Message.scan for a byte of a wide character.
const hidden = 0xff

// hide overwrites the bytes of wide characters, so that none looks like a
// delimiter. Each line begins with single-byte characters.
func (cs *charset) hide(b []byte, shift bool, escape byte) {
	trail := noTrail
	if cs != nil {
		trail = cs.trail
	}
	switch trail {
	case gbTrail, bigTrail, sjisTrail:
		hideWide(b, trail)
	default:
		if shift {
			hide2022(b, escape, cs != nil && cs.right != nil && cs.right.multi != nil)
		}
	}
}

// hideWide hides the characters of GB 18030, Big5 and Shift JIS, whose second
// byte may be below 0x80.
func hideWide(b []byte, trail trailing) {
	for i := 0; i+1 < len(b); {
		c, n := b[i], 1
		switch second := b[i+1]; {
		case second < '0':
		case trail == gbTrail && c > 0x80 && c < 0xff:
			if n = 2; second <= '9' {
				n = 4
			}
		case second < 0x40:
		case trail == bigTrail && c > 0x80 && c < 0xff,
			trail == sjisTrail && (c > 0x80 && c < 0xa0 || c >= 0xe0 && c < 0xfd):
			n = 2
		}
		if i+n > len(b) {
			n = 1
		}
		if n > 1 {
			for j := range n {
				b[i+j] = hidden
			}
		}
		i += n
	}
}

// hide2022 hides the bytes that ISO 2022 escapes, raw or as \M..\, and SO put
// into a two-byte set in the left half, until the left half is ASCII again.
// right says whether the right set, which SO uses, is a two-byte set.
func hide2022(b []byte, escape byte, right bool) {
	left, out := false, false // the left set is a two-byte set; SO is in force
	put := func(d *designation) {
		if d.right {
			right = d.to.multi != nil
		} else {
			left = d.to.multi != nil
		}
	}
	for i := 0; i < len(b); i++ {
		wide := left && !out || right && out
		switch c := b[i]; {
		case c == '\r' || c == '\n':
			left, out = false, false
		case c == shiftOut || c == shiftIn:
			out = c == shiftOut
		case c == 0x1b:
			if d := designate(b[i+1:]); d != nil {
				put(d)
				for j := range len(d.seq) {
					b[i+1+j] = hidden
				}
				i += len(d.seq)
			}
		case c == escape && c != 0 && i+6 < len(b) && (b[i+1] == 'M' || b[i+1] == 'C'):
			if n := escaped2022(b[i:], put); n > 0 {
				i += n - 1
			} else if wide {
				b[i] = hidden
			}
		case wide && c > ' ' && c < 0x7f:
			b[i] = hidden
		}
	}
}

// escaped2022 reads the \C..\ or \M..\ that begins b and gives its length, 0
// when it is none.
func escaped2022(b []byte, put func(*designation)) int {
	stop := bytes.IndexByte(b[1:min(len(b), 9)], b[0])
	if stop < 0 {
		return 0
	}
	var room [4]byte
	seq, ok := appendHex(room[:0], b[2:1+stop])
	d := designate(seq)
	if !ok || d == nil || len(d.seq) != len(seq) {
		return 0
	}
	put(d)
	return stop + 2
}
