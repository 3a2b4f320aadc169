package ucum

import (
	"math/big"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// The functions of special units; what they give was computed with other
// means (bc, 60 digits).
func TestSpecial(t *testing.T) {
	for _, c := range []struct{ value, from, to, want string }{
		{"7.40", "[pH]", "nmol/L", "39.8107170553497"},
		{"40", "nmol/L", "[pH]", "7.39794000867204"},
		{"7", "[pH]", "mol/L", "0.0000001"},
		{"3", "dB", "1", "1.99526231496888"},
		{"1000", "1", "dB", "30.00"},
		{"20", "dB", "%", "10000"},
		{"1", "Np", "1", "2.71828182845905"},
		{"1", "Np", "B", "0.434294481903252"},
		{"94", "dB[SPL]", "Pa", "1.00237446725454"},
		{"1", "V", "B[mV]", "6"},
		{"1", "V", "B[uV]", "12"},
		{"1", "V", "B[10.nV]", "16"},
		{"2", "B[V]", "V", "10"},
		{"30", "dB[W]", "kW", "1.0"},
		{"3", "B[kW]", "W", "1000000"},
		{"8", "bit_s", "1", "256"},
		{"1024", "1", "bit_s", "10.00"},
		{"100", "%[slope]", "deg", "45.0"},
		{"45", "deg", "%[slope]", "100"},
		{"1", "[p'diop]", "deg", "0.572938697683486"},
		{"6", "[hp'_X]", "1", "0.000001"},
		{"6", "[hp'_C]", "1", "0.000000000001"},
		{"1", "[hp'_Q]", "1", "0.00002"},
		{"2", "[m/s2/Hz^(1/2)]", "m2/s4/Hz", "4"},
		{"2.25", "m2/s4/Hz", "[m/s2/Hz^(1/2)]", "1.50"},
		{"80", "[degRe]", "Cel", "100"},
		{"-40", "Cel", "[degF]", "-40"},
		{"-40.0", "[degF]", "Cel", "-40.0"},
		{"32.0", "[degF]", "Cel", "0.0"},
		{"1000", "mCel", "K", "274.15"},
		{"0", "K", "[degF]", "-459.67"},
		{"37", "Cel{core}", "Cel", "37"},
		{"5", "2.Cel", "Cel", "10"},
		{"100", "[degR]", "K", "55.5555555555556"},
	} {
		d, err := model.ParseDecimal(c.value)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := Convert(d, parsed(t, c.from), parsed(t, c.to))
		if err != nil || got.String() != c.want {
			t.Errorf("%s %s = %s %s, want %s (%v)", c.value, c.from, got, c.to, c.want, err)
		}
	}
}

// What has no result says so.
func TestOutsideOfTheDomain(t *testing.T) {
	for _, c := range []struct{ value, from, to string }{
		{"0", "mol/L", "[pH]"}, {"-1", "1", "dB"}, {"90", "deg", "%[slope]"}, {"1000", "deg", "[p'diop]"}, {"-1", "m2/s4/Hz", "[m/s2/Hz^(1/2)]"},
		{"9999", "B", "1"}, {"1E120", "Ym", "ym"},
	} {
		d, err := model.ParseDecimal(c.value)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := Convert(d, parsed(t, c.from), parsed(t, c.to)); fault.CodeOf(err) != "ucum.out-of-range" {
			t.Errorf("%s %s = %s %s (%v)", c.value, c.from, got, c.to, err)
		}
	}
}

// The series hold to the 80 digits that Exact promises.
func TestSeries(t *testing.T) {
	one := big.NewRat(1, 1)
	for _, c := range []struct {
		name string
		got  *big.Float
		want string
	}{
		{"e", exp(real320().SetInt64(1)), "2.71828182845904523536028747135266249775724709369995957496696762772407663035354759"},
		{"ln 2", ln(big.NewRat(2, 1)), "0.69314718055994530941723212145817656807550013436025525412068000949339362196969472"},
		{"ln 10", ln(big.NewRat(10, 1)), "2.30258509299404568401799145468436420760110148862877297603332790096757260967735248"},
		{"atan 1", atan(one), "0.78539816339744830961566084581987572104929234984377645524373614807695410157155225"},
	} {
		want, _ := new(big.Rat).SetString(c.want)
		off := new(big.Rat).Quo(rational(c.got), want)
		if off.Sub(off, one).Abs(off).Cmp(new(big.Rat).Inv(tenTo(79))) > 0 {
			t.Errorf("%s: %s", c.name, c.got.Text('g', 90))
		}
	}
	// tan(atan x) = x, ln(exp x) = x, also near the ends.
	for _, x := range []string{"1e-30", "0.001", "0.5", "1", "17", "1e20", "-3", "1.0000000000000000000001"} {
		r := rat(t, x)
		back, ok := tan(rational(atan(r)))
		if !ok || !near(back, r) {
			t.Errorf("tan(atan %s) = %s", x, back.FloatString(30))
		}
		if r.Cmp(big.NewRat(100, 1)) < 0 {
			if back := rational(ln(rational(exp(real320().SetRat(r))))); !near(back, r) {
				t.Errorf("ln(exp %s) = %s", x, back.FloatString(30))
			}
		}
	}
}

// near is within 10^-50 of one another.
func near(a, b *big.Rat) bool {
	off := new(big.Rat).Quo(a, b)
	off.Sub(off, big.NewRat(1, 1))
	return off.Abs(off).Cmp(new(big.Rat).Inv(tenTo(50))) < 0
}
