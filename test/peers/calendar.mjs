// Reads a calendar with ical.js. Reads {"text"} from stdin, writes one
// {"uid","start","summary","text"} a line to stdout, in order.
//
//   node calendar.mjs < calendar.json
//
// Run it from a folder with node_modules (build/peers).
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const require = createRequire(join(resolve(process.env.PEERS ?? '.'), 'package.json'));
const loaded = require('ical.js');
const ical = loaded.default ?? loaded;

const { text } = JSON.parse(readFileSync(0, 'utf8'));
const calendar = new ical.Component(ical.parse(text));
for (const one of calendar.getAllSubcomponents('vevent')) {
  const e = new ical.Event(one);
  console.log(JSON.stringify({ uid: e.uid, start: e.startDate.toString(), summary: e.summary, text: e.description ?? '' }));
}
