// Finds the peers installed by `make peers` (folder in PEERS) and reads what a
// test gives on standard input.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

const folder = process.env.PEERS
if (!folder) throw new Error('PEERS must name the folder with node_modules')

/** A module of build/peers, as seen by that module itself when `by` is given. */
export function peer(name, by) {
  const root = createRequire(folder + '/package.json')
  return (by ? createRequire(root.resolve(by)) : root)(name)
}

/** Options of this run: the JSON object on standard input. */
export const run = JSON.parse(readFileSync(0, 'utf8'))

/** Tells the test something: one JSON object a line. */
export function say(object) {
  process.stdout.write(JSON.stringify(object) + '\n')
}

/** TLS options from file names, or undefined. */
export function tls() {
  if (!run.tls) return undefined
  const file = (name) => (name ? readFileSync(name) : undefined)
  return { ca: file(run.tls.ca), cert: file(run.tls.cert), key: file(run.tls.key), minVersion: 'TLSv1.3', ...run.tls.options }
}
