// Package astm reads and writes what laboratory instruments speak: frames of
// CLSI LIS01-A2 (ASTM E1381) and records of CLSI LIS02-A2 (ASTM E1394).
//
// Scanner cuts bytes of a link into control characters and frames, Assembler
// joins frames to what is journaled, Parse reads records without loss, Builder
// writes them, Codec gives their meaning. All are pure and bounded by their
// input. An entry holds records ended by CR; one that still has its frames, a
// capture say, is read too.
package astm
