package bench

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what a process has used so far.
type usage struct {
	cpu      time.Duration // user and system
	written  int64         // bytes it caused to be written to the disk
	resident int64         // bytes of memory, now
	peak     int64         // bytes of memory, at most
}

// userHz is the unit of times in /proc/PID/stat: 1/100 s on every Linux that
// Go runs on (proc(5)).
const userHz = 100

// usageOf reads /proc; what cannot be read is 0.
func usageOf(pid int) usage {
	var u usage
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	if text, err := os.ReadFile(dir + "stat"); err == nil {
		// The second field, the name, may hold spaces; it ends with the last
		// parenthesis.
		f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(f) > 12 {
			user, _ := strconv.ParseInt(f[11], 10, 64)
			system, _ := strconv.ParseInt(f[12], 10, 64)
			u.cpu = time.Duration(user+system) * time.Second / userHz
		}
	}
	u.written = procField(dir+"io", "write_bytes:")
	u.resident = procField(dir+"status", "VmRSS:") << 10
	u.peak = procField(dir+"status", "VmHWM:") << 10
	return u
}

func procField(path, name string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}

// ownCPU is the user and system time of this process so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
