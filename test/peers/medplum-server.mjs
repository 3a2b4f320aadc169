// @medplum/hl7 listens on run.port and answers AA; it says what it took.
import { peer, run, say } from './load.mjs'

const { Hl7Server } = peer('@medplum/hl7')
const server = new Hl7Server((connection) => {
  connection.addEventListener('message', ({ message }) => {
    say({ id: message.getSegment('MSH').getField(10).toString(), text: message.toString() })
    connection.send(message.buildAck({ ackCode: run.answer ?? 'AA' }))
  })
  connection.addEventListener('error', ({ error }) => say({ error: String(error) }))
})
await server.start(run.port, 'utf-8', run.enhanced ?? false)
say({ listening: run.port })
