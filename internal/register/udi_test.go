package register

import (
	"strings"
	"testing"

	"thalamus/internal/model"
)

func TestUnitOfUDI(t *testing.T) {
	for udi, want := range map[string][2]string{
		"(01)00844588003288(17)141120(21)ABC":    {"00844588003288", "ABC"},
		"(21)ABC(01)00844588003288":              {"00844588003288", "ABC"},
		"01008445880032881714112021ABC":          {"00844588003288", "ABC"},
		"]d20100844588003288" + "10LOT\x1d21ABC": {"00844588003288", "ABC"},
		"+H123PARTNO/SABC/16D20130202C":          {"H123PARTNO", "ABC"},
		"+H123PARTNO/$$+ABC":                     {"H123PARTNO", "ABC"},
		"0100844588003288":                       {"00844588003288", ""},
		"":                                       {"", ""},
		"(":                                      {"", ""},
		"+":                                      {"", ""},
		"01123":                                  {"", ""},
		"21":                                     {"", ""},
		"99XYZ":                                  {"", ""},
		strings.Repeat("(21)", 1000):             {"", ""},
	} {
		if di, sn := unitOfUDI(udi); di != want[0] || sn != want[1] {
			t.Errorf("%.40q: %q %q, want %q", udi, di, sn, want)
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add("(01)00844588003288(21)ABC", "SN1", "0012210839000001", "EUI-64", "EUI-64")
	f.Add("+H123PARTNO/SABC/16D20130202C", "", "00:11:22:33:44:55", "", "MAC")
	f.Add("0100844588003288\x1d21ABC", "|", "a|b", "c|d", "")
	f.Fuzz(func(t *testing.T, udi, serial, value, system, kind string) {
		d := model.Device{UDI: udi, Serial: serial, Identifiers: []model.Identifier{{Value: value, System: system, Type: kind}}}
		keys := keysOf(&d, "icu")
		again := keysOf(&d, "icu")
		if len(keys) > 4 || len(keys) != len(again) {
			t.Fatalf("%q", keys)
		}
		for i, k := range keys {
			if k != again[i] || len(k) > 700 || strings.Count(k, "|") > 3 {
				t.Errorf("%q", k)
			}
			if err := CheckID("device", string(idOf(k))); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzParsePlace(f *testing.F) {
	f.Add("ICU^2^23^HOSP")
	f.Add("")
	f.Add("^^^^")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePlace(text)
		if err != nil {
			return
		}
		if q, err := ParsePlace(p.String()); err != nil || q != p {
			t.Errorf("%q: %+v, then %+v %v", text, p, q, err)
		}
	})
}
