// Converts units with @lhncbc/ucum-lhc. Reads a list of
// {"value","from","to"} from stdin, writes one {"value"} or {"refused"} a
// line to stdout, in order.
//
//   node ucum.mjs < pairs.json
//
// Run it from a folder with node_modules (build/peers).
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const require = createRequire(join(resolve(process.env.PEERS ?? '.'), 'package.json'));
const ucum = require('@lhncbc/ucum-lhc').UcumLhcUtils.getInstance();

for (const { value, from, to } of JSON.parse(readFileSync(0, 'utf8'))) {
  const answer = ucum.convertUnitTo(from, Number(value), to);
  const said = answer.status === 'succeeded'
    ? { value: String(answer.toVal) }
    : { refused: (answer.msg ?? []).join('; ') };
  console.log(JSON.stringify(said));
}
