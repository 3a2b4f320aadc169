package browser

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// guides are the pictures of the guides, each with the picture of the tests
// whose upper part it is.
var guides = map[string]string{
	"inbox":       "inbox-light-1280",
	"device":      "devices-one-light-1280",
	"maintenance": "care-due-light-1280",
	"flow":        "flow-light-1280",
	"label":       "labels-one-light-1280",
	"acceptance":  "acceptance-accepted-light-1280",
	"connections": "connections-light-1280",
	"connect":     "connect-light-1280",
}

// Bounds of a picture in the papers.
const (
	paperHeight  = 800      // pixels: what the browser showed at once
	paperColours = 256      // of its palette
	paperBytes   = 70 << 10 // of the file
)

// writePapers takes the guides' pictures out of those of the tests, and makes
// all pictures of the papers small.
func writePapers(t *testing.T, screens, papers string) {
	for _, name := range slices.Sorted(maps.Keys(guides)) {
		raw, err := os.ReadFile(filepath.Join(screens, guides[name]+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(papers, name+".png"), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all, err := filepath.Glob(filepath.Join(papers, "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		small, err := shrink(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, small, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// shrink cuts a picture to its upper part and to the colours that it has most
// of: a page of text and lines loses nothing that the eye sees.
func shrink(raw []byte) ([]byte, error) {
	in, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	size := in.Bounds()
	size.Max.Y = min(size.Max.Y, size.Min.Y+paperHeight)
	count := map[color.RGBA]int{}
	page := image.NewRGBA(size)
	draw.Draw(page, size, in, size.Min, draw.Src)
	for i := 0; i < len(page.Pix); i += 4 {
		count[color.RGBA{page.Pix[i], page.Pix[i+1], page.Pix[i+2], 255}]++
	}
	most := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(number(a), number(b)))
	})
	var palette color.Palette
	for _, c := range most[:min(len(most), paperColours)] {
		palette = append(palette, c)
	}
	nearest := make(map[color.RGBA]uint8, len(most))
	for _, c := range most {
		nearest[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(size, palette)
	for i := range small.Pix {
		p := page.Pix[4*i:]
		small.Pix[i] = nearest[color.RGBA{p[0], p[1], p[2], 255}]
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small)
	return out.Bytes(), err
}

func number(c color.RGBA) int { return int(c.R)<<16 | int(c.G)<<8 | int(c.B) }

// A paper's pictures are small, and each is shown somewhere.
func TestPapersAreSmall(t *testing.T) {
	root := root(t)
	var papers []byte
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "build" || d.Name() == ".git" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			text, err := os.ReadFile(path)
			papers = append(papers, text...)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(root, "docs", "pictures", "*.png"))
	if err != nil || len(all) == 0 {
		t.Fatal("no pictures", err)
	}
	for _, path := range all {
		stat, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat.Size() > paperBytes {
			t.Errorf("%s has %d bytes, allowed are %d: THALAMUS_PICTURES=1 writes it small", filepath.Base(path), stat.Size(), paperBytes)
		}
		if !bytes.Contains(papers, []byte("pictures/"+filepath.Base(path))) {
			t.Errorf("no paper shows %s", filepath.Base(path))
		}
	}
}
