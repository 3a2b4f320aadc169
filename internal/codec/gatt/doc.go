// Package gatt reads the values of the Bluetooth health services (R8):
// thermometer (0x1809), heart rate (0x180D), glucose (0x1808) with context and
// record access, blood pressure (0x1810), scale (0x181D), body composition
// (0x181B), continuous glucose (0x181F) with its checksum, pulse oximeter
// (0x1822), and battery, device information and current time for what they
// tell of the device.
//
// # What a frame is
//
// The bytes are one value of one characteristic as it came. Which one, the
// frame's topic says, "ble/<address>/<service>/<characteristic>", UUIDs of the
// Bluetooth SIG as four hexadecimal digits. What reading needs beside stands in
// its properties: the address's type, and values of other characteristics of
// the same device as they were read, "2a29: 41636d65" for the maker's name.
//
// All numbers are little endian. A value that ends early or has bytes too many
// is refused, with what was missing; flags reserved for future use are ignored
// as the specifications ask (Bluetooth core 5.4 vol 1 part E §2.3).
package gatt
