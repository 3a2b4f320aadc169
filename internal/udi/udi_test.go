package udi

import (
	"errors"
	"strings"
	"testing"

	"thalamus/internal/fault"
)

const reading = 2026

// TestParse: the forms of each agency, with the examples that the agencies and
// the FDA publish.
func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		carrier string
		want    UDI
	}{
		"GS1 for people":        {"(01)51022222233336(11)141231(17)150707(10)A213B1(21)1234", UDI{Issuer: GS1, DI: "51022222233336", Made: "2014-12-31", Expires: "2015-07-07", Lot: "A213B1", Serial: "1234"}},
		"GS1 element string":    {"]d20151022222233336111412311715070710A213B1\x1d211234", UDI{Issuer: GS1, DI: "51022222233336", Made: "2014-12-31", Expires: "2015-07-07", Lot: "A213B1", Serial: "1234"}},
		"GS1 without symbology": {"015102222223333621AB(12)\x1d8012V1.2\x1d17291200", UDI{Issuer: GS1, DI: "51022222233336", Serial: "AB(12)", Software: "V1.2", Expires: "2029-12"}},
		"GS1 other elements":    {"(01)51022222233336(240)REF7(21)1", UDI{Issuer: GS1, DI: "51022222233336", Serial: "1", Others: []Part{{"240", "REF7"}}}},
		"GS1 bracket in text":   {"(01)51022222233336(21)A(1)B", UDI{Issuer: GS1, DI: "51022222233336", Serial: "A(1)B"}},
		"GS1 Digital Link":      {"https://id.gs1.org/01/51022222233336/10/A%2F1/21/77?17=270131", UDI{Issuer: GS1, DI: "51022222233336", Lot: "A/1", Serial: "77", Expires: "2027-01-31"}},
		"HIBC month and year":   {"+X999123ABC0/$$05191234AB/S5678EDFG/16D20151001A", UDI{Issuer: HIBCC, DI: "X999123ABC0", Expires: "2019-05", Lot: "1234AB", Serial: "5678EDFG", Made: "2015-10-01"}},
		"HIBC month first":      {"+X999123ABC0/$$20515191234AB/S5678EDFG/16D20151001I", UDI{Issuer: HIBCC, DI: "X999123ABC0", Expires: "2019-05-15", Lot: "1234AB", Serial: "5678EDFG", Made: "2015-10-01"}},
		"HIBC year first":       {"+X999123ABC0/$$31905151234AB/S5678EDFG/16D20151001J", UDI{Issuer: HIBCC, DI: "X999123ABC0", Expires: "2019-05-15", Lot: "1234AB", Serial: "5678EDFG", Made: "2015-10-01"}},
		"HIBC with hour":        {"+X999123ABC0/$$4190515211234AB/S5678EDFG/16D20151001N", UDI{Issuer: HIBCC, DI: "X999123ABC0", Expires: "2019-05-15", Lot: "1234AB", Serial: "5678EDFG", Made: "2015-10-01"}},
		"HIBC day of year":      {"+X999123ABC0/$$5191351234AB/S5678EDFG/16D20151001J", UDI{Issuer: HIBCC, DI: "X999123ABC0", Expires: "2019-05-15", Lot: "1234AB", Serial: "5678EDFG", Made: "2015-10-01"}},
		"HIBC day, hour":        {"+X999123ABC0/$$619135211234AB/S5678EDFG/16D20151001N", UDI{Issuer: HIBCC, DI: "X999123ABC0", Expires: "2019-05-15", Lot: "1234AB", Serial: "5678EDFG", Made: "2015-10-01"}},
		"HIBC lot":              {"+X999123ABC0/$1234AB/S5678EDFG/16D20151001/14D20190515.", UDI{Issuer: HIBCC, DI: "X999123ABC0", Expires: "2019-05-15", Lot: "1234AB", Serial: "5678EDFG", Made: "2015-10-01"}},
		"HIBC small letters":    {"+x999123abc0/$1234ab/s5678edfg/16d20151001/14d20190515.", UDI{Issuer: HIBCC, DI: "X999123ABC0", Expires: "2019-05-15", Lot: "1234AB", Serial: "5678EDFG", Made: "2015-10-01"}},
		"ISBT 128":              {"=/A9999XYZ100T0474=,000025=A99971312345600=>014032=}013032&,1000000000000XYZ123", UDI{Issuer: ICCBBA, DI: "A9999XYZ100T0474", Serial: "000025", Donation: "A99971312345600", Expires: "2014-02-01", Made: "2013-02-01", Lot: "XYZ123"}},
		"ISBT 128 without lot":  {"=/1AB370000007JC89=,000000=1234567890ABC00=>030329=}025226", UDI{Issuer: ICCBBA, DI: "1AB370000007JC89", Serial: "000000", Donation: "1234567890ABC00", Expires: "2030-11-25", Made: "2025-08-14"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(c.carrier, reading)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Carrier = c.carrier
			if g, w := text(got), text(c.want); g != w {
				t.Errorf("got  %s\nwant %s", g, w)
			}
		})
	}
}

func text(u UDI) string {
	parts := []string{string(u.Issuer), u.DI, u.Serial, u.Lot, u.Made, u.Expires, u.Software, u.Donation, u.Carrier}
	for _, p := range u.Others {
		parts = append(parts, p.ID+"="+p.Text)
	}
	return strings.Join(parts, " | ")
}

// TestWrong: each error has its code and says where.
func TestWrong(t *testing.T) {
	for carrier, want := range map[string]string{
		"":                             "udi.empty",
		"hello":                        "udi.unknown character 1",
		strings.Repeat("0", 600):       "udi.long",
		"(01)51022222233337":           "udi.check character 18",
		"(01)5102222223333":            "udi.length character 5",
		"(01)51022222233336(17)261332": "udi.date character 23",
		"(01)51022222233336(17)26133":  "udi.date character 23",
		"(01":                          "udi.bracket character 1",
		"(01)51022222233336(21)":       "udi.character character 23",
		"(0x)1":                        "udi.identifier character 2",
		"(10)LOT(21)77":                "udi.part",
		"(01)51022222233336(21)1(21)2": "udi.twice character 28",
		"015102222223":                 "udi.length character 3",
		"010950600013435221ABCDEFGHIJKLMNOPQRSTUVWXYZ":            "udi.length character 39",
		"https://example.org/01":                                  "udi.link character 1",
		"+X999123ABC0/$1234AB/S5678EDFG/16D20151001/14D20190515A": "udi.check character 55",
		"+A99912ü":                   "udi.character character 8",
		"+A":                         "udi.length character 3",
		"=/A9999XYZ100T047":          "udi.length character 3",
		"=/A9999XYZ100T0474=>014400": "udi.date character 21",
		"=/A9999XYZ100T0474?":        "udi.identifier character 19",
		"]E05901234123457":           "udi.unknown",
	} {
		_, err := Parse(carrier, reading)
		got := fault.CodeOf(err)
		var f *fault.Fault
		if errors.As(err, &f) && f.Place != "" {
			got += " " + f.Place
		}
		if got != want {
			t.Errorf("%q: got %q, want %q: %v", carrier, got, want, err)
		}
	}
}

// TestCentury: the window of GS1 General Specifications §7.12.
func TestCentury(t *testing.T) {
	for _, c := range [][3]int{{26, 2026, 2026}, {76, 2026, 2076}, {77, 2026, 1977}, {99, 2026, 1999}, {0, 2026, 2000}, {10, 2098, 2110}, {50, 2098, 2050}} {
		if got := century(c[0], c[1]); got != c[2] {
			t.Errorf("%02d read in %d: got %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

// TestIdentity: only a serial number makes a label that of one device.
func TestIdentity(t *testing.T) {
	if got := (UDI{Issuer: GS1, DI: "51022222233336", Serial: "7"}).Identity(); got != "GS1:51022222233336:7" {
		t.Errorf("got %q", got)
	}
	if got := (UDI{Issuer: GS1, DI: "51022222233336", Lot: "7"}).Identity(); got != "" {
		t.Errorf("got %q", got)
	}
}

// FuzzParse: nothing makes it panic, and what it accepts holds only what stood
// in the carrier.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"(01)51022222233336(11)141231(17)150707(10)A213B1(21)1234", "]d20151022222233336111412311715070710A213B1\x1d211234",
		"+X999123ABC0/$$05191234AB/S5678EDFG/16D20151001A", "+$$3190515XX", "=/A9999XYZ100T0474=,000025=A99971312345600=>014032=}013032&,1000000000000XYZ123",
		"https://id.gs1.org/01/51022222233336/10/A%2F1/21/77?17=270131", "*+A123BJC5D6E71G*", "+26001LOT1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, carrier string) {
		u, err := Parse(carrier, reading)
		if err != nil {
			if !strings.HasPrefix(fault.CodeOf(err), "udi.") {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		if u.DI == "" || u.Issuer == "" || len(u.Serial) > 20 || len(u.Lot) > 20 {
			t.Fatalf("%q: %+v", carrier, u)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("]d20151022222233336111412311715070710A213B1\x1d211234", reading); err != nil {
			b.Fatal(err)
		}
	}
}
