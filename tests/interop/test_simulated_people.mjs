// Unmodified Baileys and the simulator's own people write to each other: what
// either says is read by the other, also after damage, a reinstallation, and
// by way of the own phone.  Usage: node test_simulated_people.mjs

import assert from 'node:assert/strict';
import { startSimulator } from './simulator.mjs';
import { useRootKey } from './root_key_loader.mjs';
import { Client, until } from './client.mjs';

const ALICE = '4915110000001';
const ANN = '4915130000001';
const BEN = '4915130000002';
const jid = number => `${number}@s.whatsapp.net`;

// Baileys' Signal library prints every session that it closes and every message that it cannot read
const report = console.error;
console.error = console.info = console.warn = () => {};

const simulator = await startSimulator(['--seed', '11']);
const clients = [];
let steps = 0;

function passed(step) {
  steps++;
  console.log(`ok ${steps} - ${step}`);
}

const received = client => client.events.filter(e => e.kind === 'messages.upsert').flatMap(e => e.data.messages);
const textOf = m => m.message?.conversation ?? m.message?.extendedTextMessage?.text;
const withText = (client, text) => received(client).find(m => textOf(m) === text);

const say = request => simulator.ask({ do: 'say', ...request });
const reads = (client, text) => until(`${client.name} reads "${text}"`, () => withText(client, text));
const receiptsOf = async id => (await simulator.ask({ do: 'receipts', id })).receipts;

async function hears(number, text) {
  return until(`${number} hears "${text}"`, async () =>
    (await simulator.ask({ do: 'heard', number })).heard.find(h => h.text === text));
}

async function speaking(alice, group, addressing) {
  const said = await say({ number: ANN, to: group, text: `group ${addressing}` });
  const got = await reads(alice, `group ${addressing}`);
  assert.equal(got.key.id, said.id);
  assert.equal(got.key.remoteJid, group);
  assert.equal(Number(got.messageTimestamp), said.t);
  assert.equal(got.pushName, 'Ann');
  await until('the delivery is told', async () => (await receiptsOf(said.id)).some(r => r.number === ALICE));
  await say({ number: ANN, to: group, text: `again ${addressing}` });
  await reads(alice, `again ${addressing}`);
  await say({ number: BEN, to: ALICE, text: `direct ${addressing}`, addressing });
  assert.equal((await reads(alice, `direct ${addressing}`)).key.fromMe, false);
  passed(`${addressing}: Baileys reads what simulated people write`);

  await alice.socket.sendMessage(group, { text: `to all, ${addressing}` });
  const heard = await hears(ANN, `to all, ${addressing}`);
  assert.equal(heard.chat, group);
  assert.equal(heard.from, ALICE);
  await hears(BEN, `to all, ${addressing}`);
  await alice.socket.sendMessage(jid(BEN), { text: `to Ben, ${addressing}` });
  await hears(BEN, `to Ben, ${addressing}`);
  await hears(ALICE, `to Ben, ${addressing}`); // her own phone
  passed(`${addressing}: simulated people read what Baileys writes`);
}

async function talking(alice, group) {
  const before = (await simulator.ask({ do: 'info' })).said;
  await simulator.ask({ do: 'talk', groups: [group], rate: 200, events: 200, seed: 3, reactions: 10 });
  await until('all is said', async () => !(await simulator.ask({ do: 'info' })).talk);
  const { messages } = await simulator.ask({ do: 'said', chat: group, after: before - 1 });
  assert.equal(messages.length, 200);
  const texts = messages.filter(m => m.kind === 'text').map(m => m.text);
  await until('everything is read', () => texts.every(text => withText(alice, text)));
  passed(`${texts.length} messages of people who talk are read`);
}

async function damaged(alice, group) {
  for (const damage of ['mac', 'no_skdm', 'no_session'])
    for (const [where, to] of [['group', group], ['direct', ALICE]]) {
      if (damage === 'no_skdm' && where === 'direct')
        continue;
      const text = `damaged: ${damage} ${where}`;
      const said = await say({ number: ANN, to, text, damage });
      await reads(alice, text);
      assert.ok((await receiptsOf(said.id)).some(r => r.type === 'retry'), 'it took a retry receipt');
      await say({ number: ANN, to, text: `after ${text}` });
      await reads(alice, `after ${text}`);
      passed(`${text}: read after a retry`);
    }
}

async function reinstalled(alice, group) {
  await simulator.ask({ do: 'reinstall', number: ANN });
  await say({ number: ANN, to: group, text: 'new phone' });
  await reads(alice, 'new phone');
  await alice.socket.sendMessage(jid(ANN), { text: 'nice phone' });
  await hears(ANN, 'nice phone');
  // nothing was said since that would have told her of Ben's new keys
  await simulator.ask({ do: 'reinstall', number: BEN });
  await alice.socket.sendMessage(jid(BEN), { text: 'you, too?' });
  await hears(BEN, 'you, too?');
  passed('reinstalled phones read and are read');
}

async function ownPhone(alice, group) {
  await say({ number: ALICE, to: ANN, text: 'from my phone' });
  const own = await reads(alice, 'from my phone');
  assert.equal(own.key.fromMe, true);
  await say({ number: ALICE, to: group, text: 'from my phone to all' });
  await reads(alice, 'from my phone to all');
  passed('a device sees what its own phone writes');

  const said = await say({ number: ANN, to: group, text: 'only phones may see this', damage: 'unavailable' });
  await alice.socket.requestPlaceholderResend({ remoteJid: group, fromMe: false, id: said.id, participant: jid(ANN) });
  await reads(alice, 'only phones may see this');
  passed('the own phone gives a copy of what is not available');
}

try {
  useRootKey(simulator.root_key);
  const alice = new Client(await import('baileys'), simulator.endpoint, 'alice');
  clients.push(alice);
  await alice.linkByQr(simulator, ALICE);
  await simulator.ask({ do: 'phone', number: ANN, name: 'Ann' });
  await simulator.ask({ do: 'phone', number: BEN, name: 'Ben' });
  let group;
  for (const addressing of ['pn', 'lid']) {
    ({ group } = await simulator.ask({ do: 'group_create', by: ANN, subject: `People ${addressing}`, members: [ALICE, BEN], addressing }));
    await speaking(alice, group, addressing);
  }
  await talking(alice, group);
  await damaged(alice, group);
  await ownPhone(alice, group);
  await reinstalled(alice, group);
  await until('every stanza is acknowledged', async () =>
    (await simulator.ask({ do: 'clients' })).clients.every(c => c.queued === 0));
  passed('every stanza is acknowledged');
  console.log(`1..${steps}`);
} catch (error) {
  console.log(`not ok ${steps + 1} - ${error.message}`);
  report(error);
  process.exitCode = 1;
} finally {
  clients.forEach(client => client.stop());
  const code = await simulator.stop();
  if (code !== 0) {
    console.log(`not ok - the simulator ended with ${code}`);
    process.exitCode = 1;
  }
}
process.exit();
