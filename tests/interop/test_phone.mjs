// What a simulated phone and the media service give to an unmodified Baileys 7:
// files up and down, the history of a new companion, and app state in both
// directions, with every MAC checked.  Usage: node test_phone.mjs

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mediaCertificate } from './media.mjs';
import { startSimulator } from './simulator.mjs';
import { useRootKey } from './root_key_loader.mjs';
import { Client, until } from './client.mjs';

const ALICE = '4915110000001';
const BOB = '4915110000002';
const CARL = '4915110000003';
const ITEMS = 3000;
const jid = number => `${number}@s.whatsapp.net`;

const certificate = await mediaCertificate();

// Baileys' Signal library prints every session that it closes
const report = console.error;
console.error = console.info = console.warn = () => {};

const simulator = await startSimulator(['--seed', '13', ...certificate.flags]);
const clients = [];
let steps = 0;

function passed(step) {
  steps++;
  console.log(`ok ${steps} - ${step}`);
}

const heard = (client, kind) => client.events.filter(e => e.kind === kind).flatMap(e => e.data);
const set = (action, index, value, more = {}) =>
  simulator.ask({ do: 'app_set', number: ALICE, action, index, value, ...more });
const truth = () => simulator.ask({ do: 'app_state', number: ALICE });
const contacts = client => heard(client, 'contacts.upsert').filter(c => c.name);
const contact = (client, name) => until(`${client.name} knows ${name}`, () => contacts(client).find(c => c.name === name));

// ---- files ----

async function files(baileys, alice, bob) {
  const { group } = await simulator.ask({ do: 'group_create', by: ALICE, subject: 'Files', members: [BOB] });
  for (const size of [1, 16, 100000, 3000000]) {
    const bytes = randomBytes(size);
    const sent = await alice.socket.sendMessage(group, { document: bytes, mimetype: 'application/pdf', fileName: 'a.pdf' });
    const got = await until('bob sees the file', () =>
      heard(bob, 'messages.upsert').flatMap(d => d.messages).find(m => m.key.id === sent.key.id));
    assert.ok((await baileys.downloadMediaMessage(got, 'buffer', {})).equals(bytes), `a file of ${size} bytes`);
  }
  assert.equal((await simulator.ask({ do: 'media_state' })).uploads, 4);
  passed('files go up and come down');

  // bob's phone has what it heard, and uploads it again
  const bytes = randomBytes(5000);
  const sent = await alice.socket.sendMessage(group, { document: bytes, mimetype: 'application/pdf', fileName: 'c.pdf' });
  const got = await until('bob sees the file', () =>
    heard(bob, 'messages.upsert').flatMap(d => d.messages).find(m => m.key.id === sent.key.id));
  await simulator.ask({ do: 'media_gone', direct_path: got.message.documentMessage.directPath });
  await assert.rejects(baileys.downloadMediaMessage(got, 'buffer', {}));
  // the message gets the new path
  const gone = got.message.documentMessage.directPath;
  await bob.socket.updateMediaMessage(got);
  assert.notEqual(got.message.documentMessage.directPath, gone);
  assert.ok((await baileys.downloadMediaMessage(got, 'buffer', {})).equals(bytes));
  await simulator.ask({ do: 'media_gone', direct_path: gone, lost: true });
  await assert.rejects(bob.socket.updateMediaMessage(got), /NOT_FOUND/);
  passed('a file that is gone is uploaded again, one that is lost is not');

  // the first of the hosts does not answer
  await simulator.ask({ do: 'media_hosts', hosts: ['127.0.0.1:9', 'self'] });
  await alice.reconnect();
  await alice.socket.sendMessage(group, { document: randomBytes(1000), mimetype: 'application/pdf', fileName: 'b.pdf' });
  assert.equal((await simulator.ask({ do: 'media_state' })).uploads, 6);
  await simulator.ask({ do: 'media_hosts' });
  passed('the second host is tried when the first is dead');
}

// ---- history ----

const textOf = ({ message: m }) => m?.conversation ?? m?.extendedTextMessage?.text ?? m?.imageMessage?.caption
  ?? m?.videoMessage?.caption ?? m?.documentMessage?.caption ?? m?.pollCreationMessageV3?.name ?? null;

async function history(alice) {
  const [run] = await until('every chunk is received', async () => {
    const { runs } = await simulator.ask({ do: 'history_state', number: ALICE });
    return runs[0]?.done && runs[0].chunks.every(c => c.peer_msg === 1 && c.hist_sync === 1) && runs;
  });
  assert.deepEqual([...new Set(run.chunks.map(c => c.type))], [0, 4, 5, 3, 2]);
  assert.equal(run.chunks[0].direct_path, null);
  const sets = await until('every message is read', () => {
    const all = heard(alice, 'messaging-history.set');
    return new Set(all.flatMap(d => d.messages).map(m => m.key.id)).size >= ITEMS && all;
  });
  const messages = new Map(sets.flatMap(d => d.messages).map(m => [m.key.id, m]));
  assert.equal(messages.size, ITEMS);
  for (let from = 0; from !== null;) {
    const page = await simulator.ask({ do: 'history_truth', number: ALICE, what: 'items', from, limit: 1000 });
    for (const said of page.messages) {
      const m = messages.get(said.id);
      assert.deepEqual([Number(m.messageTimestamp), m.key.fromMe, textOf(m)], [said.at, said.from_me, said.text], said.id);
    }
    for (const event of page.events) {
      const m = messages.get(event.id);
      assert.deepEqual([Number(m.messageTimestamp), m.messageStubType], [event.at, event.stub], event.id);
    }
    from = page.next;
  }
  const left = sets.flatMap(d => d.pastParticipants ?? []).flatMap(p => p.pastParticipants);
  const { past_participants } = await simulator.ask({ do: 'history_truth', number: ALICE, what: 'past_participants' });
  assert.deepEqual(left.map(p => Number(p.leaveTs)).sort(), past_participants.map(p => p.at).sort());
  passed('Baileys reads of the past what the phone tells');
}

// ---- app state ----

async function appState(baileys, alice) {
  await contact(alice, 'Béa Müller');
  await until('labels are known', () => heard(alice, 'labels.edit').length && heard(alice, 'labels.association').length);
  passed('snapshots are read');

  await set('contact', [jid(CARL)], { full_name: 'Carl 🌵' });
  await contact(alice, 'Carl 🌵');
  await set('mute', [jid(CARL)], { muted: true, until: 1900000000000 });
  await until('the mute is known', () => heard(alice, 'chats.update').find(c => c.id === jid(CARL) && c.muteEndTime));
  const { contacts: many } = await simulator.ask({ do: 'app_contacts', number: ALICE, count: 250 });
  assert.ok(many > 200, 'enough people for a patch that travels as a file');
  await until('the address book is known', () => contacts(alice).length >= many + 2);
  passed('patches are read, one of them by way of the media service');

  await alice.socket.chatModify({ pin: true }, jid(CARL));
  await alice.socket.addOrEditContact(jid(BOB), { fullName: 'Bob', saveOnPrimaryAddressbook: true });
  await alice.socket.removeContact(jid(CARL));
  const state = await truth();
  assert.deepEqual([state.uploads, state.refused, state.why], [3, 0, null]);
  const records = state.collections.flatMap(c => c.records);
  const value = (...index) => records.find(r => JSON.stringify(r.index) === JSON.stringify(index))?.value;
  assert.deepEqual(value('pin_v1', jid(CARL)), { pinned: true });
  assert.equal(value('contact', jid(BOB)).full_name, 'Bob');
  assert.equal(value('contact', jid(CARL)), undefined);
  passed('the phone reads what Baileys uploads');

  // a second device gets it all, a patch at a time
  await simulator.ask({ do: 'options', app_state_page: 1, history: { chats: 2, messages: 10, inline_first: true } });
  const other = new Client(baileys, simulator.endpoint, 'other', alice.options);
  clients.push(other);
  await other.linkByQr(simulator, ALICE);
  await contact(other, 'Bob');
  for (let i = 0; i < 3; i++)
    await set('mute', [jid(BOB)], { muted: i === 2, until: 1900000000000 + i });
  await other.socket.chatModify({ mute: 1950000000000 }, jid(CARL));
  await until('the first device sees it', () =>
    heard(alice, 'chats.update').find(c => c.id === jid(CARL) && Number(c.muteEndTime) === 1950000000000));
  assert.equal((await truth()).refused, 0);
  passed('devices read what another one uploads');

  // a key that was not shared comes late
  const { queries } = await truth();
  await simulator.ask({ do: 'app_key', number: ALICE, share: false });
  await set('contact', [jid('4915110000004')], { full_name: 'Dora' });
  await until('both devices have asked for it', async () => (await truth()).queries >= queries + 2);
  assert.equal(contacts(alice).find(c => c.name === 'Dora'), undefined);
  await simulator.ask({ do: 'app_share', number: ALICE });
  await contact(alice, 'Dora');
  passed('what could not be read is read when its key comes');
}

async function everything() {
  const { host } = await simulator.ask({ do: 'media_state' });
  useRootKey(simulator.root_key, host);
  const baileys = await import('baileys');
  await simulator.ask({ do: 'phone', number: ALICE, name: 'Alice' });
  await set('contact', [jid(BOB)], { full_name: 'Béa Müller', first_name: 'Béa', save: true });
  await simulator.ask({ do: 'app_set', number: ALICE, mutations: [
    { action: 'pin', index: [jid(BOB)], value: { pinned: true } },
    { action: 'archive', index: [jid('4915110000009')], value: { archived: true } },
    { action: 'label', index: ['1'], value: { name: 'VIP', color: 3 } },
    { action: 'chat_label', index: ['1', jid(BOB)], value: { labeled: true } },
  ] });
  await simulator.ask({ do: 'options', history: { chats: 120, messages: ITEMS, chunk_messages: 700, inline_first: true, seed: 5 } });
  const alice = new Client(baileys, simulator.endpoint, 'alice', {
    shouldSyncHistoryMessage: () => true,
    appStateMacVerification: { patch: true, snapshot: true },
  });
  clients.push(alice);
  // the first two things that the phone sends have to be asked for again
  await simulator.ask({ do: 'fault', kind: 'peer_mac', times: 2 });
  await alice.linkByQr(simulator, ALICE);
  await simulator.ask({ do: 'options', history: null });
  const bob = new Client(baileys, simulator.endpoint, 'bob');
  clients.push(bob);
  await bob.linkByQr(simulator, BOB);

  await history(alice);
  await appState(baileys, alice);
  await files(baileys, alice, bob);
  await until('every stanza is answered', async () =>
    (await simulator.ask({ do: 'clients' })).clients.every(c => !c.connected || c.queued === 0));
  passed('every stanza is acknowledged');
}

try {
  await everything();
} catch (error) {
  console.log(`not ok ${steps + 1} - ${error.message.replaceAll('\n', '\n# ')}`);
  report(error.stack);
  process.exitCode = 1;
}
clients.forEach(client => client.stop());
const code = await simulator.stop();
if (code !== 0) {
  console.log(`not ok - the simulator ended with ${code}`);
  process.exitCode = 1;
}
console.log(`1..${steps}`);
process.exit();
