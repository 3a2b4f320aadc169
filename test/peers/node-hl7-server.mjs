// node-hl7-server listens on run.port and answers AA; it says what it took.
// It acknowledges every earlier message of a connection again.
import { peer, run, say, tls } from './load.mjs'

const { Server } = peer('node-hl7-server')
const secure = tls()
const server = new Server({ bindAddress: '127.0.0.1', tls: secure && { ...secure, requestCert: true, rejectUnauthorized: true } })
const inbound = server.createInbound({ port: run.port }, async (req, res) => {
  const m = req.getMessage()
  say({ id: m.get('MSH.10').toString(), text: m.toString() })
  await res.sendResponse(run.answer ?? 'AA')
})
inbound.on('listen', () => say({ listening: run.port }))
inbound.on('error', (err) => say({ error: String(err) }))
inbound.on('data.error', (err) => say({ error: String(err) }))
inbound.on('client.error', (err) => say({ error: String(err) }))
