// Unmodified Baileys against the simulator alone: links by QR and by code,
// does everything a group admin does, and compares what Baileys reports with
// the simulator's truth after each step.  Usage: node smoke.mjs

import assert from 'node:assert/strict';
import { startSimulator } from './simulator.mjs';
import { useRootKey } from './root_key_loader.mjs';
import { Client, until } from './client.mjs';
import { assertEqualsTruth } from './compare.mjs';

const ALICE = '4915110000001';
const BOB = '4915110000002';
const OLD = '4915110000006';
const EXTRAS = ['4915120000001', '4915120000002', '4915120000003', '4915120000004'];
const pn = number => `${number}@s.whatsapp.net`;

const simulator = await startSimulator(['--seed', '7']);
const clients = [];
let steps = 0;

function passed(step) {
  steps++;
  console.log(`ok ${steps} - ${step}`);
}

async function groupLife(addressing, alice, bob) {
  await simulator.ask({ do: 'options', new_groups: addressing });
  const created = await alice.socket.groupCreate(`Interop ${addressing}`, [pn(BOB)]);
  const group = created.id;
  const truthOf = async () => (await simulator.ask({ do: 'truth', group })).groups[0];
  const jid = async number => addressing === 'pn' ? pn(number)
    : `${(await simulator.ask({ do: 'phone', number })).lid}@lid`;

  // changes it, then both clients must see what is true
  const step = async (name, change) => {
    await change();
    await assertEqualsTruth(alice, simulator, group, name);
    const truth = await truthOf();
    if (truth.members.some(m => m.pn === BOB))
      await assertEqualsTruth(bob, simulator, group, name);
    passed(`${addressing}: ${name}`);
  };

  await step('create', async () => {});
  await until('bob hears of the group', () => bob.events.some(
    e => e.kind === 'groups.upsert' && e.data[0].id === group));
  await step('add', async () => {
    const result = await alice.socket.groupParticipantsUpdate(group, EXTRAS.slice(0, 3).map(pn), 'add');
    assert.deepEqual(result.map(r => r.status), ['200', '200', '200']);
  });
  await step('add again and an unknown number', async () => {
    const result = await alice.socket.groupParticipantsUpdate(group,
      [pn(EXTRAS[0]), '4999999999999@s.whatsapp.net'], 'add');
    assert.deepEqual(result.map(r => r.status), ['409', '404']);
  });
  await step('promote', async () =>
    alice.socket.groupParticipantsUpdate(group, [await jid(EXTRAS[0]), await jid(BOB)], 'promote'));
  await step('demote', async () =>
    bob.socket.groupParticipantsUpdate(group, [await jid(EXTRAS[0])], 'demote'));
  await step('remove', async () =>
    bob.socket.groupParticipantsUpdate(group, [await jid(EXTRAS[1])], 'remove'));
  await step('subject', () => alice.socket.groupUpdateSubject(group, 'Ünïcode ✓ subject'));
  await step('description', () => alice.socket.groupUpdateDescription(group, 'What this is about'));
  await step('description again', () => bob.socket.groupUpdateDescription(group, 'Something else'));
  await step('no description', () => alice.socket.groupUpdateDescription(group, undefined));
  for (const setting of ['announcement', 'locked', 'not_announcement', 'unlocked'])
    await step(setting, () => alice.socket.groupSettingUpdate(group, setting));
  await step('ephemeral', () => alice.socket.groupToggleEphemeral(group, 604800));
  await step('not ephemeral', () => alice.socket.groupToggleEphemeral(group, 0));
  await step('everybody may add', () => alice.socket.groupMemberAddMode(group, 'all_member_add'));

  const oldCode = await alice.socket.groupInviteCode(group);
  await step('new invite link', async () => {
    const code = await alice.socket.groupRevokeInvite(group);
    assert.notEqual(code, oldCode);
    assert.equal(code, (await truthOf()).invite);
  });
  await step('bob leaves', () => bob.socket.groupLeave(group));
  await assert.rejects(bob.socket.groupMetadata(group), /forbidden/);
  await assert.rejects(bob.socket.groupAcceptInvite(oldCode), /gone/);
  await step('bob joins by link', async () => {
    const code = await alice.socket.groupInviteCode(group);
    const info = await bob.socket.groupGetInviteInfo(code);
    assert.equal(info.subject, 'Ünïcode ✓ subject');
    assert.equal(await bob.socket.groupAcceptInvite(code), group);
  });
  await step('approval on', () => alice.socket.groupJoinApprovalMode(group, 'on'));
  await step('bob leaves again', () => bob.socket.groupLeave(group));
  await step('bob asks to join', async () => {
    const code = await alice.socket.groupInviteCode(group);
    assert.equal(await bob.socket.groupAcceptInvite(code), undefined);
    const requests = await alice.socket.groupRequestParticipantsList(group);
    assert.deepEqual(requests.map(r => r.jid), [await jid(BOB)]);
  });
  await step('bob is approved', async () => {
    const result = await alice.socket.groupRequestParticipantsUpdate(group, [await jid(BOB)], 'approve');
    assert.deepEqual(result.map(r => r.status), ['200']);
  });
  await step('a request is rejected', async () => {
    await simulator.ask({ do: 'group_join', group, number: EXTRAS[3], via: 'link' });
    await alice.socket.groupRequestParticipantsUpdate(group, [await jid(EXTRAS[3])], 'reject');
    assert.equal((await truthOf()).requests.length, 0);
  });
  await step('the phone changes things', async () => {
    await simulator.ask({ do: 'group_add', group, by: ALICE, members: [EXTRAS[1]] });
    await simulator.ask({ do: 'group_leave', group, number: EXTRAS[2] });
    await simulator.ask({ do: 'group_set', group, by: ALICE, announce: true, locked: true, ephemeral: 86400 });
  });

  // what alice heard of people is what happened, in order
  const heard = () => alice.events
    .filter(e => e.kind === 'group-participants.update' && e.data.id === group)
    .flatMap(e => e.data.participants.map(p => `${e.data.action} ${(p.id ?? p).replace(/@.*/, '')}`));
  const words = { added: 'add', joined_link: 'add', approved: 'add', removed: 'remove', left: 'remove',
    promoted: 'promote', demoted: 'demote' };
  const happened = (await truthOf()).events.filter(e => words[e.kind])
    .map(e => `${words[e.kind]} ${addressing === 'lid' ? e.target_lid : e.target}`);
  await until('alice heard everything', () => heard().length >= happened.length);
  assert.deepEqual(heard(), happened);
  passed(`${addressing}: alice heard all ${happened.length} changes of the roster`);

  const all = await alice.socket.groupFetchAllParticipating();
  assert.ok(all[group], 'the group is in the list of all');
  return group;
}

async function offline(alice, group) {
  alice.socket.end(undefined);
  alice.open = alice.caughtUp = false;
  await until('the service sees alice gone', async () =>
    !(await simulator.ask({ do: 'clients', number: ALICE })).clients[0].connected);
  alice.events.length = 0;
  for (let i = 0; i < 20; i++)
    await simulator.ask({ do: 'group_subject', group, by: ALICE, text: `while away ${i}` });
  alice.connect();
  await alice.online();
  await until('the queue is empty', async () =>
    (await simulator.ask({ do: 'clients', number: ALICE })).clients[0].queued === 0);
  // Baileys acknowledges before it has told its user.  It merges groups.update events, the oldest
  // winning; its messages about the group are complete.
  const subjects = () => alice.events.filter(e => e.kind === 'messages.upsert')
    .flatMap(e => e.data.messages).flatMap(m => m.messageStubParameters ?? [])
    .filter(text => text.startsWith('while away'));
  await until('alice has the last subject', () => subjects().includes('while away 19'));
  assert.deepEqual(subjects(), Array.from({ length: 20 }, (_, i) => `while away ${i}`));
  passed('what happened while offline arrives and is acknowledged');
}

async function messages(alice, bob, group) {
  // the group is for admins now: let bob write, too
  await simulator.ask({ do: 'group_set', group, by: ALICE, announce: false });
  const text = e => e.data.messages?.map(m => m.message?.conversation
    ?? m.message?.extendedTextMessage?.text) ?? [];
  const got = (client, wanted) => client.events.some(e => e.kind === 'messages.upsert' && text(e).includes(wanted));
  await alice.socket.sendMessage(group, { text: 'hello group' });
  await until('bob reads the group message', () => got(bob, 'hello group'));
  await bob.socket.sendMessage(group, { text: 'hello yourself' });
  await until('alice reads the answer', () => got(alice, 'hello yourself'));
  await bob.socket.sendMessage(pn(ALICE), { text: 'psst' });
  await until('alice reads the direct message', () => got(alice, 'psst'));
  passed('messages reach the other client');
  await until('every stanza is acknowledged', async () =>
    (await simulator.ask({ do: 'clients' })).clients.every(c => c.queued === 0));
  passed('every stanza is acknowledged');
}

try {
  useRootKey(simulator.root_key);
  const baileys7 = await import('baileys');
  for (const number of EXTRAS)
    await simulator.ask({ do: 'phone', number });

  const alice = new Client(baileys7, simulator.endpoint, 'alice');
  clients.push(alice);
  const linked = await alice.linkByQr(simulator, ALICE);
  assert.equal(alice.socket.user.id, linked.jid);
  passed('Baileys 7 links by QR');
  assert.match((await simulator.tell({ do: 'scan', number: ALICE, qr: alice.qr })).error, /not valid any more/);
  passed('a used QR is refused');

  const bob = new Client(baileys7, simulator.endpoint, 'bob');
  clients.push(bob);
  await bob.linkByCode(simulator, BOB);
  passed('Baileys 7 links by pairing code');

  await groupLife('pn', alice, bob);
  const group = await groupLife('lid', alice, bob);
  await offline(alice, group);
  await messages(alice, bob, group);

  const baileys6 = await import('baileys6');
  const old = new Client(baileys6, simulator.endpoint, 'old');
  clients.push(old);
  // Its QR has the four fields that real phones refuse since May 2026, and it loses what a server
  // on loopback says before it has finished its side of the handshake.
  await simulator.ask({ do: 'options', old_qr: true, handshake_delay: 50 });
  await old.linkByQr(simulator, OLD);
  passed('Baileys 6.7.24 links by QR');
  await alice.socket.groupParticipantsUpdate(group, [pn(OLD)], 'add');
  await assertEqualsTruth(old, simulator, group, 'old is added');
  passed('Baileys 6.7.24 reads the group');

  const twin = new Client(baileys7, simulator.endpoint, 'alice twice');
  twin.state = alice.state;
  clients.push(twin);
  alice.closedWith = undefined;
  twin.connect();
  await twin.online();
  await until('the first connection is replaced', () => alice.closedWith === 440);
  passed('a second connection of a device replaces the first');

  await twin.socket.logout();
  await until('alice\'s device is removed', async () =>
    (await simulator.ask({ do: 'clients', number: ALICE })).clients[0].removed);
  const ghost = new Client(baileys7, simulator.endpoint, 'alice removed');
  ghost.state = alice.state;
  clients.push(ghost);
  ghost.connect();
  await until('the removed device is refused', () => ghost.closedWith === 401);
  passed('a device that logged out is refused');

  await simulator.ask({ do: 'unlink', number: BOB });
  await until('bob is logged out', () => bob.closedWith === 401);
  passed('the phone unlinks a device');
  console.log(`1..${steps}`);
} catch (error) {
  console.log(`not ok ${steps + 1} - ${error.message}`);
  console.error(error);
  for (const { name, open, caughtUp, closedWith } of clients)
    console.error({ name, open, caughtUp, closedWith });
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
