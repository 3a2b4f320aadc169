// Subscribes and publishes with the npm package mqtt. Reads {"url","version",
// "topic","messages"} from stdin; publishes each message with QoS 2 and prints
// {"heard","topic"} for each that comes back, or {"error"}. With version 5 it
// lets the broker put numbers in place of topics; the package loses the topics of
// such messages of QoS 2, so it subscribes with QoS 1 then.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const require = createRequire(join(resolve(process.env.PEERS ?? '.'), 'package.json'));
const mqtt = require('mqtt');

const { url, version, topic, messages } = JSON.parse(readFileSync(0, 'utf8'));
const client = mqtt.connect(url, { protocolVersion: version, clean: true, reconnectPeriod: 0, connectTimeout: 15000,
  ...(version === 5 && { properties: { topicAliasMaximum: 2 } }) });
const fail = (e) => { console.log(JSON.stringify({ error: String(e) })); process.exit(0); };
client.on('error', fail);
let heard = 0;
client.on('message', (on, payload) => {
  console.log(JSON.stringify({ heard: payload.toString(), topic: on }));
  if (++heard === messages.length) client.end(false, {}, () => process.exit(0));
});
client.on('connect', async () => {
  try {
    await client.subscribeAsync(topic, { qos: version === 5 ? 1 : 2 });
    for (const m of messages) await client.publishAsync(topic, m, { qos: 2 });
  } catch (e) { fail(e); }
});
setTimeout(() => fail('nothing came for 20 s'), 20000);
