// Looks at a FHIR server with fhir-kit-client, a client nobody here wrote:
// counts resources, looks for identifiers that stand twice, and follows every
// reference. Prints {"counts":{…},"twice":[…],"dangling":[…]}.
//
//   PEERS=build/peers node fhirclient.mjs http://127.0.0.1:8080/fhir
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const peers = resolve(process.env.PEERS ?? '.');
const kit = await import(pathToFileURL(join(peers, 'node_modules/fhir-kit-client/dist/index.js')));
const Client = kit.Client ?? kit.default;

const client = new Client({ baseUrl: process.argv[2] });
const types = ['Patient', 'Encounter', 'Device', 'DeviceMetric', 'Observation', 'Media', 'Provenance'];
const answer = { counts: {}, twice: [], dangling: [] };

function references(node, found) {
  if (node && typeof node === 'object') {
    if (typeof node.reference === 'string') {
      found.add(node.reference);
    }
    Object.values(node).forEach((v) => references(v, found));
  }
  return found;
}

for (const resourceType of types) {
  const bundle = await client.search({ resourceType, searchParams: { _count: 1000 } });
  const resources = (bundle.entry ?? []).map((e) => e.resource);
  answer.counts[resourceType] = resources.length;
  const seen = new Map();
  for (const r of resources) {
    for (const i of r.identifier ?? []) {
      // An alarm's reports share the alarm's identifier on purpose.
      if (i.system !== 'urn:id:alert') {
        const key = `${resourceType} ${i.system ?? ''}|${i.value}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
    }
    for (const reference of references(r, new Set())) {
      try {
        await client.resolve({ reference });
      } catch {
        answer.dangling.push(`${resourceType} -> ${reference}`);
      }
    }
  }
  answer.twice.push(...[...seen].filter(([, n]) => n > 1).map(([key]) => key));
}
process.stdout.write(JSON.stringify(answer) + '\n');
