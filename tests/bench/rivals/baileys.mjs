// Baileys 7, unmodified, that stores each message with one INSERT, as people
// write such collectors.  Its keys stay in memory, which is the fastest it can
// be.  Driven by rivals.pl: a line "off" or "on COUNT" comes in on standard
// input, a line of JSON goes out for each.
//
// Environment: ENDPOINT, CONTROL and ROOT_KEY of the simulator, NUMBER, PGHOST.

import readline from 'node:readline';
import pg from 'pg';
import { Client, until } from './client.mjs';
import { useRootKey } from './root_key_loader.mjs';
import { attachSimulator } from './simulator.mjs';

// its Signal library prints every session that it closes
console.error = console.info = console.warn = () => {};

const { ENDPOINT, CONTROL, ROOT_KEY, NUMBER } = process.env;
const pool = new pg.Pool({ user: 'postgres', database: 'postgres' });
let inserted = 0;

function textOf(message) {
  return message?.conversation ?? message?.extendedTextMessage?.text ?? null;
}

async function store(m) {
  const { rowCount } = await pool.query(
    `INSERT INTO baileys.messages (id, chat, sender, sent_at, push_name, body)
     VALUES ($1, $2, $3, to_timestamp($4), $5, $6) ON CONFLICT DO NOTHING`,
    [m.key.id, m.key.remoteJid, m.key.participant ?? '', Number(m.messageTimestamp), m.pushName ?? null, textOf(m.message)]);
  inserted += rowCount;
}

function listen(client) {
  client.socket.ev.on('messages.upsert', ({ messages }) => messages.forEach(m => textOf(m.message) && store(m)));
  client.events = { push() {} }; // nobody asks for them
}

const tell = answer => console.log(JSON.stringify(answer));

useRootKey(ROOT_KEY);
const simulator = await attachSimulator({ control: CONTROL });
const client = new Client(await import('baileys'), ENDPOINT, 'baileys');
const connect = client.connect.bind(client);
client.connect = () => { connect(); listen(client); return client; };
await client.linkByQr(simulator, NUMBER);
tell({ linked: true });

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [word, count] = line.split(' ');
  if (word === 'off') {
    client.wanted = false;
    client.socket.end(undefined);
    await until('the connection is closed', () => !client.open);
    tell({ inserted });
  } else if (word === 'on') {
    const before = inserted;
    const cpu = process.cpuUsage();
    const began = performance.now();
    client.wanted = true;
    client.connect();
    await until(`${count} messages are stored`, () => inserted - before >= Number(count), 1200000).catch(() => {});
    const { user, system } = process.cpuUsage(cpu);
    tell({ inserted: inserted - before, seconds: (performance.now() - began) / 1000, cpu_us: user + system });
  } else
    tell({ inserted });
}
process.exit();
