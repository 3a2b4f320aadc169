package ward

import "strconv"

// appendShort writes a number with at most four decimals and no zeros at its
// end.
func appendShort(b []byte, f float64) []byte {
	from := len(b)
	b = strconv.AppendFloat(b, f, 'f', 4, 64)
	end := len(b)
	for end > from && b[end-1] == '0' {
		end--
	}
	if end > from && b[end-1] == '.' {
		end--
	}
	b = b[:end]
	if string(b[from:]) == "-0" {
		b = append(b[:from], '0')
	}
	return b
}
