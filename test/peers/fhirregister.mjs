// Reads the register with fhir-kit-client, a client nobody here wrote, over
// TLS: the statement, searches with all their pages, includes, reads, history,
// references and errors. Reads {"base","token","id"} from stdin and prints what
// it found.
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const peers = resolve(process.env.PEERS ?? '.');
const kit = await import(pathToFileURL(join(peers, 'node_modules/fhir-kit-client/dist/index.js')));
const Client = kit.Client ?? kit.default;

let text = '';
for await (const part of process.stdin) {
  text += part;
}
const { base, token, id } = JSON.parse(text);
const client = new Client({ baseUrl: base, bearerToken: token });
const said = (one) => process.stdout.write(JSON.stringify(one) + '\n');

const statement = await client.capabilityStatement();
said({ what: 'statement', version: statement.fhirVersion, types: statement.rest[0].resource.map((r) => r.type) });

const seen = new Set();
let pages = 0;
let bundle = await client.search({ resourceType: 'Device', searchParams: { _count: 1 } });
for (; bundle; bundle = await client.nextPage({ bundle })) {
  pages++;
  for (const e of bundle.entry ?? []) {
    seen.add(e.resource.id);
  }
  if (pages > 50) {
    break;
  }
}
said({ what: 'pages', pages, devices: seen.size });

const one = await client.read({ resourceType: 'Device', id });
const reached = [];
for (const reference of [one.definition.reference, one.location.reference]) {
  reached.push((await client.resolve({ reference })).resourceType);
}
said({ what: 'read', serial: one.serialNumber, udi: one.udiCarrier[0].deviceIdentifier, reached });

const found = await client.search({ resourceType: 'Device', searchParams: { identifier: `urn:id:thalamus-device|${id}`, _include: ['Device:definition', 'Device:location'] } });
said({ what: 'found', types: found.entry.map((e) => `${e.search.mode} ${e.resource.resourceType}`) });

const posted = await client.search({ resourceType: 'Device', searchParams: { 'patient:identifier': 'MRN-774411' }, options: { postSearch: true } });
said({ what: 'posted', ids: (posted.entry ?? []).map((e) => e.resource.id) });

const history = await client.history({ resourceType: 'Device', id });
const version = history.entry[1].resource.meta.versionId;
const old = await client.vread({ resourceType: 'Device', id, version });
said({ what: 'history', type: history.type, entries: history.entry.length, same: old.meta.versionId === version });

try {
  await client.read({ resourceType: 'Device', id: 'nobody' });
} catch (err) {
  said({ what: 'absent', status: err.response.status, code: err.response.data.issue[0].code });
}
