// Two unmodified Baileys 7 clients, linked by QR and by code, and a Baileys 6
// live in groups with two of our bots, addressed by LID and by phone number.
// After each step our tables equal what Baileys itself reports of the group and
// heard of the change, and what was done: each event once, with who did it and
// how, and seen by both bots.  Usage: node test_collector.mjs, not as root.

import assert from 'node:assert/strict';
import { Client, until } from './client.mjs';
import { linkBotByCode, linkBotByQr, pauseBot, resumeBot, startCluster } from './cluster.mjs';
import { GroupUnderTest, did } from './group.mjs';
import { People } from './people.mjs';
import { fromMetadata } from './reported.mjs';
import { useRootKey } from './root_key_loader.mjs';
import { startSimulator } from './simulator.mjs';
import { fromTables } from './tables.mjs';

const WEEK = 604800;
const BOTS = ['north', 'south'];
const CROWD = ['alice', 'bob', 'cem', 'dan', 'eve', 'fay', 'old', ...BOTS];

let steps = 0;
function passed(step) {
  steps++;
  console.log(`ok ${steps} - ${step}`);
}

// How the service may tell of things, besides the two ways of addressing
const LIVES = [
  { label: 'lid', addressing: 'lid' },
  { label: 'pn', addressing: 'pn' },
  { label: 'lid, ids for each device, newcomers get a create', addressing: 'lid',
    options: { notification_ids: 'per_device', added_as: 'create' } },
  { label: 'pn, newcomers get an add', addressing: 'pn', options: { notification_ids: 'shared', added_as: 'add' } },
];

async function groupLife(world, { label, addressing, options }) {
  const { simulator, cluster, people, alice, bob } = world;
  const test = new GroupUnderTest({ ...world, observer: alice, others: { bob }, bots: BOTS, passed });
  const number = name => people.number(name);
  const jids = (...names) => names.map(name => people.jid(name, addressing));
  const numbers = (...names) => names.map(name => people.jid(name));
  const change = (client, action, targets) => client.socket.groupParticipantsUpdate(test.jid, targets, action);
  const setting = (client, what) => client.socket.groupSettingUpdate(test.jid, what);
  const code = () => alice.socket.groupInviteCode(test.jid);

  await simulator.ask({ do: 'options', new_groups: addressing, ...options });
  const group = (await alice.socket.groupCreate('A new group', numbers('bob', 'north', 'south', 'cem'))).id;
  test.begin(group, label, ['alice', 'bob', 'north', 'south', 'cem']);
  const step = test.step.bind(test);

  await step('create', () => {});
  await step('add two', () => change(alice, 'add', numbers('dan', 'eve')),
    [did('join added', 'alice', 'dan'), did('join added', 'alice', 'eve')]);
  await step('promote one of our bots', () => change(alice, 'promote', jids('south')),
    [did('promote', 'alice', 'south')]);
  await step('promote two', () => change(alice, 'promote', jids('bob', 'dan')),
    [did('promote', 'alice', 'bob'), did('promote', 'alice', 'dan')]);
  await step('the other client demotes', () => change(bob, 'demote', jids('dan')),
    [did('demote', 'bob', 'dan')]);
  await step('the other client removes', () => change(bob, 'remove', jids('dan')),
    [did('leave removed', 'bob', 'dan')]);
  await step('remove two', () => change(alice, 'remove', jids('cem', 'eve')),
    [did('leave removed', 'alice', 'cem'), did('leave removed', 'alice', 'eve')]);
  await step('add one again', () => change(bob, 'add', numbers('cem')),
    [did('join added', 'bob', 'cem')]);
  await step('a phone leaves', () => simulator.ask({ do: 'group_leave', group, number: number('cem') }),
    [did('leave left', 'cem', 'cem')]);

  await step('subject', () => alice.socket.groupUpdateSubject(group, "Ünï'cödé ✓ \\ 🌻"),
    [did('subject', 'alice', null, { value: "Ünï'cödé ✓ \\ 🌻" })]);
  await step('subject by the other', () => bob.socket.groupUpdateSubject(group, 'Plain'),
    [did('subject', 'bob', null, { value: 'Plain' })]);
  await step('description', () => bob.socket.groupUpdateDescription(group, 'Two\nlines'),
    [did('description', 'bob', null, { value: 'Two\nlines' })]);
  await step('another description', () => alice.socket.groupUpdateDescription(group, 'One'),
    [did('description', 'alice', null, { value: 'One' })]);
  await step('no description', () => alice.socket.groupUpdateDescription(group, undefined),
    [did('description', 'alice')]);

  await step('announcement', () => setting(alice, 'announcement'), [did('announce', 'alice', null, { value: true })]);
  await step('no announcement', () => setting(bob, 'not_announcement'), [did('announce', 'bob', null, { value: false })]);
  await step('locked', () => setting(bob, 'locked'), [did('locked', 'bob', null, { value: true })]);
  await step('unlocked', () => setting(alice, 'unlocked'), [did('locked', 'alice', null, { value: false })]);
  await step('ephemeral', () => alice.socket.groupToggleEphemeral(group, WEEK),
    [did('ephemeral', 'alice', null, { value: WEEK })]);
  await step('not ephemeral', () => bob.socket.groupToggleEphemeral(group, 0),
    [did('ephemeral', 'bob', null, { value: 0 })]);
  await step('everybody may add', () => alice.socket.groupMemberAddMode(group, 'all_member_add'),
    [did('member_add_mode', 'alice', null, { value: 'all_member_add' })]);

  // links and requests are told to admins: of our bots, south
  const oldCode = await code();
  const reset = did('invite_link', 'alice', null, { seen: 1 });
  await step('new invite link', async () => {
    reset.value = await alice.socket.groupRevokeInvite(group);
    assert.notEqual(reset.value, oldCode);
  }, [reset]);
  await step('the other client leaves', () => bob.socket.groupLeave(group), [did('leave left', 'bob', 'bob')]);
  await assert.rejects(bob.socket.groupAcceptInvite(oldCode), /gone/);
  await step('the other client joins by the link', async () =>
    assert.equal(await bob.socket.groupAcceptInvite(await code()), group),
  [did('join link', 'bob', 'bob')]);

  await step('approval on', () => alice.socket.groupJoinApprovalMode(group, 'on'),
    [did('approval_mode', 'alice', null, { value: true })]);
  await step('the other client leaves again', () => bob.socket.groupLeave(group), [did('leave left', 'bob', 'bob')]);
  await step('the other client asks to join', async () =>
    assert.equal(await bob.socket.groupAcceptInvite(await code()), undefined),
  [did('join_request invite_link', 'bob', 'bob', { seen: 1 })]);
  await step('the request is approved', () =>
    alice.socket.groupRequestParticipantsUpdate(group, jids('bob'), 'approve'),
  [did('join approved', 'alice', 'bob')]);
  await step('a phone asks to join', () => simulator.ask({ do: 'group_join', group, number: number('fay') }),
    [did('join_request invite_link', 'fay', 'fay', { seen: 1 })]);
  await step('the request is rejected', () =>
    alice.socket.groupRequestParticipantsUpdate(group, jids('fay'), 'reject'),
  [did('request_revoked rejected', 'alice', 'fay', { seen: 1 })]);
  await step('it asks again', () => simulator.ask({ do: 'group_request', group, number: number('fay') }),
    [did('join_request invite_link', 'fay', 'fay', { seen: 1 })]);
  await step('and takes it back', () =>
    simulator.ask({ do: 'group_request', group, number: number('fay'), cancel: true }),
  [did('request_revoked withdrawn', 'fay', 'fay', { seen: 1 })]);
  await step('approval off', () => alice.socket.groupJoinApprovalMode(group, 'off'),
    [did('approval_mode', 'alice', null, { value: false })]);

  await step('three settings at once', () =>
    simulator.ask({ do: 'group_set', group, by: number('alice'), announce: true, locked: true, ephemeral: 86400 }),
  [did('announce', 'alice', null, { value: true }), did('locked', 'alice', null, { value: true }),
    did('ephemeral', 'alice', null, { value: 86400 })], { unheard: 2 });

  await step('one of our bots is demoted', () => change(alice, 'demote', jids('south')),
    [did('demote', 'alice', 'south')]);
  await step('one of our bots is removed', () => change(alice, 'remove', jids('south')),
    [did('leave removed', 'alice', 'south')]);
  await step('without it', () => alice.socket.groupUpdateSubject(group, 'Just us'),
    [did('subject', 'alice', null, { value: 'Just us', seen: 1 })]);
  await step('it is added again', () => change(alice, 'add', numbers('south')),
    [did('join added', 'alice', 'south')]);
  await step('with it', () => alice.socket.groupUpdateSubject(group, 'All of us'),
    [did('subject', 'alice', null, { value: 'All of us' })]);

  await step('it is removed once more', () => change(alice, 'remove', jids('south')),
    [did('leave removed', 'alice', 'south')]);
  await step('it is added with another, and the group goes on at once', async () => {
    await Promise.all([change(alice, 'add', numbers('dan', 'south')), alice.socket.groupUpdateSubject(group, 'At once'),
      change(alice, 'promote', jids('dan')), change(alice, 'remove', jids('dan'))]);
  }, [did('join added', 'alice', 'dan', { seen: options?.added_as === 'create' ? 1 : 2 }),
    did('join added', 'alice', 'south'),
    did('subject', 'alice', null, { value: 'At once' }), did('promote', 'alice', 'dan'),
    did('leave removed', 'alice', 'dan')]);

  await pauseBot(cluster, simulator, 'south', number('south'));
  const missed = [did('join added', 'alice', 'eve', { seen: 1 }), did('promote', 'alice', 'eve', { seen: 1 }),
    did('subject', 'alice', null, { value: 'While one is away', seen: 1 })];
  await step('one of our bots is offline', async () => {
    await change(alice, 'add', numbers('eve'));
    await change(alice, 'promote', jids('eve'));
    await alice.socket.groupUpdateSubject(group, 'While one is away');
  }, missed);
  await step('it comes back', async () => {
    await resumeBot(cluster, 'south');
    missed.forEach(event => { event.seen = 2; });
  });
  return test;
}

// The phone of one of our bots makes a group and is the one who acts in it
async function groupOfABot(world) {
  const { simulator, people, alice } = world;
  const test = new GroupUnderTest({ ...world, observer: alice, others: {}, bots: BOTS, passed });
  const by = people.number('north');
  const { group } = await simulator.ask({ do: 'group_create', by, subject: 'Made by a bot',
    members: ['alice', 'south', 'cem'].map(name => people.number(name)), addressing: 'lid' });
  test.begin(group, 'group of a bot', ['north', 'alice', 'south', 'cem']);
  await test.step('its phone promotes', () =>
    simulator.ask({ do: 'group_promote', group, by, members: [people.number('alice')] }),
  [did('promote', 'north', 'alice')]);
  await test.step('its phone removes the other bot', () =>
    simulator.ask({ do: 'group_remove', group, by, members: [people.number('south')] }),
  [did('leave removed', 'north', 'south')]);
  await test.step('the other bot joins by the link', () =>
    simulator.ask({ do: 'group_join', group, number: people.number('south') }),
  [did('join link', 'south', 'south')]);
  await test.step('the other bot leaves', () =>
    simulator.ask({ do: 'group_leave', group, number: people.number('south') }),
  [did('leave left', 'south', 'south')]);
  return test;
}

async function readByBaileys6({ simulator, cluster, people, alice, clients }, tests) {
  const old = new Client(await import('baileys6'), simulator.endpoint, 'Baileys 6');
  clients.push(old);
  // its QR has the four fields that real phones refuse since May 2026, and it
  // loses a stanza that comes at once after the handshake
  await simulator.ask({ do: 'options', old_qr: true, handshake_delay: 50 });
  await old.linkByQr(simulator, people.number('old'));
  passed('Baileys 6.7.24 links by QR');
  for (const test of tests) {
    await test.step('Baileys 6.7.24 is added', () =>
      alice.socket.groupParticipantsUpdate(test.jid, [people.jid('old')], 'add'),
    [did('join added', 'alice', 'old', { seen: test.have.bots.length })]);
    const reported = fromMetadata(await old.socket.groupMetadata(test.jid), people);
    assert.deepEqual((await fromTables(cluster, test.jid, people)).group, reported);
    passed(`${test.label}: Baileys 6.7.24 reads the group as it is in our tables`);
  }
}

async function allGroups({ cluster, people, alice }, tests) {
  const all = await alice.socket.groupFetchAllParticipating();
  assert.deepEqual(Object.keys(all).sort(), tests.map(test => test.jid).sort());
  assert.deepEqual(await cluster.json('SELECT json_agg(jid ORDER BY jid) FROM wa.groups'), Object.keys(all).sort());
  for (const test of tests)
    assert.deepEqual((await fromTables(cluster, test.jid, people)).group, fromMetadata(all[test.jid], people));
  passed("Baileys' list of all groups is the same");
}

async function everything(simulator, cluster, clients) {
  const people = new People();
  for (const [i, name] of CROWD.entries())
    await people.add(simulator, name, `49151100000${10 + i}`);
  useRootKey(simulator.root_key);
  const baileys7 = await import('baileys');

  const alice = new Client(baileys7, simulator.endpoint, 'alice');
  const bob = new Client(baileys7, simulator.endpoint, 'bob');
  clients.push(alice, bob);
  await alice.linkByQr(simulator, people.number('alice'));
  passed('Baileys 7 links by QR');
  await bob.linkByCode(simulator, people.number('bob'));
  passed('Baileys 7 links by pairing code');
  await linkBotByQr(cluster, simulator, 'north', people.number('north'));
  passed('a bot links by QR');
  await linkBotByCode(cluster, simulator, 'south', people.number('south'));
  passed('a bot links by pairing code');

  const world = { simulator, cluster, people, alice, bob, clients };
  const tests = [];
  for (const life of LIVES)
    tests.push(await groupLife(world, life));
  await simulator.ask({ do: 'options', added_as: 'both' });
  tests.push(await groupOfABot(world));
  await readByBaileys6(world, tests);
  await allGroups(world, tests);
  assert.deepEqual(await cluster.complaints(), []);
  passed('the server has nothing to complain about');
}

const clients = [];
let simulator;
let cluster;
try {
  simulator = await startSimulator(['--seed', '11']);
  cluster = await startCluster({
    'wa_collector.endpoint': simulator.endpoint,
    'wa_collector.noise_root_key': simulator.root_key,
  });
  await everything(simulator, cluster, clients);
} catch (error) {
  console.log(`not ok ${steps + 1} - ${error.message.replaceAll('\n', '\n# ')}`);
  console.error(error.stack);
  console.error(await cluster?.log());
  process.exitCode = 1;
}
clients.forEach(client => client.stop());
await cluster?.stop();
const code = await simulator?.stop();
if (code !== 0) {
  console.log(`not ok - the simulator ended with ${code}`);
  process.exitCode = 1;
}
console.log(`1..${steps}`);
process.exit();
