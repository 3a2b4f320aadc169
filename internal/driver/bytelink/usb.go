package bytelink

import (
	"os"
	"path/filepath"
	"strings"

	"thalamus/internal/fault"
)

const usbPrefix = "usb:"

// sysfs is where Linux tells of its devices.
const sysfs = "/sys"

// usbID is what tells one USB adapter from others.
type usbID struct{ vendor, product, serial string }

func (u usbID) String() string {
	if u.vendor == "" {
		return ""
	}
	s := u.vendor + ":" + u.product
	if u.serial != "" {
		s += ":" + u.serial
	}
	return s
}

// validUSB checks the form usb:VID:PID[:SERIAL].
func validUSB(port string) bool {
	id, ok := parseUSB(port)
	return ok && fourHex(id.vendor) && fourHex(id.product)
}

func parseUSB(port string) (usbID, bool) {
	rest, ok := strings.CutPrefix(port, usbPrefix)
	if !ok {
		return usbID{}, false
	}
	vendor, rest, ok := strings.Cut(rest, ":")
	product, serial, _ := strings.Cut(rest, ":")
	return usbID{strings.ToLower(vendor), strings.ToLower(product), serial}, ok
}

func fourHex(s string) bool {
	return len(s) == 4 && strings.Trim(s, "0123456789abcdef") == ""
}

// findUSB gives the serial port of a USB adapter, below root ("/" but in
// tests). Two that fit are a fault: nobody can say which is meant.
func findUSB(root string, want usbID) (string, error) {
	class := filepath.Join(root, sysfs, "class/tty")
	entries, err := os.ReadDir(class)
	if err != nil {
		return "", fault.Wrap(err, fault.Transient, "serial.open", "this machine does not list its ports; give the port by its path")
	}
	var found []string
	for _, e := range entries {
		id := usbOf(root, e.Name())
		if id.vendor == want.vendor && id.product == want.product && (want.serial == "" || id.serial == want.serial) {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 0:
		return "", fault.New(fault.Transient, "serial.unplugged", "no serial port of the USB device %s is plugged in", want)
	case 1:
		return filepath.Join(root, "dev", found[0]), nil
	}
	return "", fault.New(fault.Invalid, "serial.ambiguous", "%d ports have the USB device %s: %s; add its serial number, or give the path below /dev/serial/by-id", len(found), want, strings.Join(found, ", "))
}

// usbOf gives the USB adapter of a terminal, zero when it has none: the
// nearest folder above its device that names a vendor.
func usbOf(root, tty string) usbID {
	dir, err := filepath.EvalSymlinks(filepath.Join(root, sysfs, "class/tty", tty, "device"))
	if err != nil {
		return usbID{}
	}
	for range 6 {
		if vendor := word(dir, "idVendor"); vendor != "" {
			return usbID{strings.ToLower(vendor), strings.ToLower(word(dir, "idProduct")), word(dir, "serial")}
		}
		dir = filepath.Dir(dir)
	}
	return usbID{}
}

func word(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || len(b) > 256 {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// stablePath gives the name below /dev/serial/by-id of a port, or the path as
// it is where it has none: by-id survives another order of plugging in.
func stablePath(root, path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return path
	}
	dir := filepath.Join(root, "dev/serial/by-id")
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		link := filepath.Join(dir, e.Name())
		if to, err := filepath.EvalSymlinks(link); err == nil && to == real {
			return link
		}
	}
	return path
}
