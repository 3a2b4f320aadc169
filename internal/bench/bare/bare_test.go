package bare

import (
	"bytes"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

func TestAppend(t *testing.T) {
	for _, zeroed := range []bool{false, true} {
		t.Run(fmt.Sprint("zeroed=", zeroed), func(t *testing.T) {
			f, err := Open(filepath.Join(t.TempDir(), "bare"), 1<<20, zeroed)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for p := range 4 {
				wg.Go(func() {
					for range 50 {
						if err := f.Append(bytes.Repeat([]byte{byte('a' + p)}, 100)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			groups, n := f.Written()
			if n != 4*50*100 || groups == 0 || groups > 200 {
				t.Errorf("%d bytes in %d groups", n, groups)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
