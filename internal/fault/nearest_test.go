package fault

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"listen", "names", "certificate", "key", "idle"}
	for word, want := range map[string]string{
		"lisen": "listen", "lsiten": "listen", "Listen": "listen", "certifcate": "certificate", "kye": "key",
		"name": "names", "port": "", "cert": "certificate", "": "", "x": "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
