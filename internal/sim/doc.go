// Package sim holds simulated devices and simulated receivers that speak real
// protocols over real sockets (R58). The demo, the tests, the benchmarks, the
// torture and the manual use the same ones.
//
// Devices keep a Ledger of what they were told is acknowledged; receivers keep
// count of what reached them. Neither asks Thalamus, so comparing the two
// shows loss and duplication independently of it.
package sim
