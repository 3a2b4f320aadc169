// @medplum/hl7 sends run.messages over one connection and says each answer.
import { peer, run, say } from './load.mjs'

const { Hl7Client } = peer('@medplum/hl7')
const { Hl7Message } = peer('@medplum/core', '@medplum/hl7')
const client = new Hl7Client({ host: run.host, port: run.port, keepAlive: true })
const all = run.messages.map((text) => client.sendAndWait(Hl7Message.parse(text)))
for (const one of all) {
  const msa = (await one).getSegment('MSA')
  say({ code: msa.getField(1).toString(), id: msa.getField(2).toString() })
}
await client.close()
process.exit(0)
