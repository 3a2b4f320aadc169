package cli

import "testing"

func TestTitle(t *testing.T) {
	for name, want := range map[string]string{
		"id": "ID", "faultCode": "FAULT CODE", "unitUCUM": "UNIT UCUM", "deviceName": "DEVICE NAME", "UDI": "UDI",
	} {
		if got := title(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
