// Package poct1a reads and writes the messages of CLSI POCT1-A2, the device
// messaging layer of point-of-care testing: XML documents such as HEL.R01,
// DST.R01, OBS.R01 and EVS.R01, one behind the other on a link. Values stand in
// the attribute V. Scanner cuts documents out of a stream, Parse reads one into
// a bounded tree, Write* make what an observation reviewer sends, Codec gives
// the meaning. All are pure.
//
// The documents of an observation reviewer do not name their device; the link
// says it beside the bytes (Identity, as lines of Frame.Properties).
package poct1a
