// Package loopdisk gives tests a real file system of their own that they may
// fill and whose power they may cut: ext4 on a loop device, which needs root
// and Linux. Elsewhere such tests are skipped with the reason.
package loopdisk
