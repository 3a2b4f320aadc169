// node-hl7-client sends run.messages over one connection and says each answer.
import { peer, run, say, tls } from './load.mjs'

const { Client, Message } = peer('node-hl7-client')
const client = new Client({ host: run.host, tls: tls() })
let answer
const out = client.createConnection({ port: run.port, waitAck: true }, (res) => {
  const m = res.getMessage()
  answer({ code: m.get('MSA.1').toString(), id: m.get('MSA.2').toString() })
})
out.on('error', (err) => { say({ error: String(err) }); process.exit(1) })
await new Promise((connected) => out.on('connect', connected))
for (const text of run.messages) {
  const answered = new Promise((resolve) => { answer = resolve })
  await out.sendMessage(new Message({ text }))
  say(await answered)
}
await out.close()
process.exit(0)
