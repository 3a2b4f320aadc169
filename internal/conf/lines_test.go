package conf

import "testing"

// A text from another system names the same lines.
func TestLineBreaks(t *testing.T) {
	for name, text := range map[string]string{
		"LF":   "# a\n# b\nchannels:\n  - id: x\n    colour: blue\n",
		"CRLF": "# a\r\n# b\r\nchannels:\r\n  - id: x\r\n    colour: blue\r\n",
		"CR":   "# a\r# b\rchannels:\r  - id: x\r    colour: blue\r",
	} {
		v, lines, err := ParseYAML("t", []byte(text))
		if err != nil || lines.Line("channels[0].colour") != 5 {
			t.Errorf("%s: line %d %v %v", name, lines.Line("channels[0].colour"), v, err)
		}
	}
}
