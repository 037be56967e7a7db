// Two unmodified Baileys 7 clients, linked by QR and by code, live in groups
// with two of our bots.  After each step our tables equal what Baileys itself
// reports for the group; at the end each event is there once, with its actor,
// and was seen by both bots.  Groups addressed by phone number and by LID.
// Usage: node test_collector.mjs, as an unprivileged user.

import assert from 'node:assert/strict';
import { startSimulator } from './simulator.mjs';
import { startPostgres } from './postgres.mjs';
import { useRootKey } from './root_key_loader.mjs';
import { Client, until } from './client.mjs';
import { fromBaileys } from './compare.mjs';

const ALICE = '4915110000001';
const BOB = '4915110000002';
const OLD = '4915110000006';
const BOTS = { qr: '4915130000001', code: '4915130000002' };
const EXTRAS = ['4915120000001', '4915120000002', '4915120000003', '4915120000004'];
const pn = number => `${number}@s.whatsapp.net`;

let steps = 0;
function passed(step) {
  steps++;
  console.log(`ok ${steps} - ${step}`);
}

const clients = [];
const simulator = await startSimulator(['--seed', '11']);
const postgres = await startPostgres({
  'wa_collector.endpoint': simulator.endpoint,
  'wa_collector.noise_root_key': simulator.root_key,
});

// The group as our tables have it, in the terms of compare.mjs.
function fromTables(group) {
  return postgres.json(`
    SELECT json_build_object('group', g.jid, 'subject', g.subject, 'description', g.description,
      'announce', g.announce, 'locked', g.locked, 'join_approval', g.join_approval,
      'member_add_mode', coalesce(g.member_add_mode, 'admin_add'), 'ephemeral_seconds', g.ephemeral_seconds,
      'members', (SELECT json_agg(line ORDER BY line COLLATE "C") FROM (
        SELECT split_part(CASE g.addressing_mode WHEN 'lid' THEN m.lid ELSE m.phone END, '@', 1) || ' ' || m.role AS line
        FROM wa.group_members AS m WHERE m.group_id = g.group_id) AS people))
    FROM wa.groups AS g WHERE g.jid = '${group}'`);
}

async function assertTablesEqual(client, group, step) {
  const want = fromBaileys(await client.socket.groupMetadata(group));
  let have;
  await until(step, async () => {
    have = await fromTables(group);
    try {
      assert.deepEqual(have, want);
      return true;
    } catch {
      return false;
    }
  }).catch(() => assert.deepEqual(have, want, `tables after "${step}"`));
}

async function linkBots() {
  await postgres.query('CREATE EXTENSION wa_collector');
  await postgres.query(`SELECT wa.add_bot('qr'), wa.add_bot('code')`);
  await simulator.ask({ do: 'scan', number: BOTS.qr, qr: await postgres.query(`SELECT wa.qr_content('qr')`) });
  await simulator.ask({ do: 'enter_code', number: BOTS.code,
    code: await postgres.query(`SELECT wa.pair_code('code', '${BOTS.code}')`) });
  await until('both bots are online', async () =>
    await postgres.query(`SELECT count(*) FROM wa.bots WHERE status = 'online'`) === '2');
  passed('two bots are online, one by QR, one by code');
}

async function groupLife(addressing, alice, bob) {
  await simulator.ask({ do: 'options', new_groups: addressing });
  const created = await alice.socket.groupCreate(`Interop ${addressing}`, [BOB, BOTS.qr, BOTS.code].map(pn));
  const group = created.id;
  const jid = async number => addressing === 'pn' ? pn(number)
    : `${(await simulator.ask({ do: 'phone', number })).lid}@lid`;
  const step = async (name, change) => {
    await change();
    await assertTablesEqual(alice, group, name);
    passed(`${addressing}: ${name}: tables equal what Baileys reports`);
  };
  const update = (client, numbers, action) => async () =>
    client.socket.groupParticipantsUpdate(group, await Promise.all(numbers.map(jid)), action);

  await step('create', async () => {});
  await step('add', async () => alice.socket.groupParticipantsUpdate(group, EXTRAS.slice(0, 3).map(pn), 'add'));
  await step('promote', update(alice, [EXTRAS[0], BOB, BOTS.qr], 'promote'));
  await step('demote', update(bob, [EXTRAS[0]], 'demote'));
  await step('remove', update(bob, [EXTRAS[1]], 'remove'));
  await step('one leaves', () => simulator.ask({ do: 'group_leave', group, number: EXTRAS[2] }));
  await step('subject', () => alice.socket.groupUpdateSubject(group, 'Ünïcode ✓ subject'));
  await step('description', () => bob.socket.groupUpdateDescription(group, 'What this is about'));
  await step('no description', () => alice.socket.groupUpdateDescription(group, undefined));
  for (const setting of ['announcement', 'locked', 'not_announcement', 'unlocked'])
    await step(setting, () => alice.socket.groupSettingUpdate(group, setting));
  await step('ephemeral', () => alice.socket.groupToggleEphemeral(group, 604800));
  await step('not ephemeral', () => alice.socket.groupToggleEphemeral(group, 0));
  await step('everybody may add', () => alice.socket.groupMemberAddMode(group, 'all_member_add'));
  await step('new invite link', () => alice.socket.groupRevokeInvite(group));
  await step('bob leaves', () => bob.socket.groupLeave(group));
  await step('bob joins by link', async () =>
    bob.socket.groupAcceptInvite(await alice.socket.groupInviteCode(group)));
  await step('approval on', () => alice.socket.groupJoinApprovalMode(group, 'on'));
  await step('bob leaves again', () => bob.socket.groupLeave(group));
  await step('bob asks to join', async () =>
    bob.socket.groupAcceptInvite(await alice.socket.groupInviteCode(group)));
  await step('bob is approved', async () =>
    alice.socket.groupRequestParticipantsUpdate(group, [await jid(BOB)], 'approve'));
  assert.equal(await postgres.query(`SELECT string_agg(concat_ws(' ', m.join_kind, m.leave_kind), ', ' ORDER BY m.joined_at, m.membership_id)
    FROM wa.memberships AS m JOIN wa.groups AS g USING (group_id) JOIN wa.people AS p USING (user_id)
    WHERE g.jid = '${group}' AND split_part(p.phone, '@', 1) = '${BOB}'`),
  'created left, link left, approved');
  passed(`${addressing}: the three stays of bob and how each began and ended`);
  return group;
}

// Every event that the service sent: one row, the right actor, two sightings
// (requests to join and invite links are told to admins only, and one bot is none).
async function assertEvents(group, addressing) {
  const { groups: [truth] } = await simulator.ask({ do: 'truth', group });
  const sent = truth.events.filter(e => e.notification).map(e =>
    [e.notification, e.target ?? '', e.actor ?? ''].join(' ')).sort();
  const stored = () => postgres.json(`
    SELECT json_agg(line ORDER BY line COLLATE "C") FROM (
      SELECT concat_ws(' ', e.notification_id, coalesce(split_part(t.phone, '@', 1), ''), coalesce(split_part(a.phone, '@', 1), '')) AS line
      FROM wa.group_events AS e JOIN wa.groups AS g USING (group_id)
      LEFT JOIN wa.people AS t ON t.user_id = e.target LEFT JOIN wa.people AS a ON a.user_id = e.actor
      WHERE g.jid = '${group}' AND e.source = 'live' AND e.kind <> 'create') AS rows`);
  let have;
  await until('all events are stored', async () => (have = await stored())?.length >= sent.length);
  assert.deepEqual(have, sent);
  passed(`${addressing}: all ${sent.length} events are there once, with target and actor`);
  assert.equal(await postgres.query(`SELECT count(*) FROM wa.group_events AS e JOIN wa.groups AS g USING (group_id)
    WHERE g.jid = '${group}' AND e.source = 'snapshot' AND e.kind NOT IN ('join')`), '0');
  let unseen;
  await until('both bots saw each of them', async () => (unseen = await postgres.query(`
    SELECT string_agg(concat_ws(' ', e.kind, e.how, n), ', ')
    FROM wa.group_events AS e JOIN wa.groups AS g USING (group_id)
    CROSS JOIN LATERAL (SELECT count(*) AS n FROM wa.event_sightings AS s WHERE s.event_id = e.event_id) AS seen
    WHERE g.jid = '${group}' AND e.source = 'live' AND e.kind NOT IN ('join_request', 'invite_link') AND n <> 2`)) === '')
    .catch(() => assert.equal(unseen, '', 'not seen by both'));
  passed(`${addressing}: each was seen by both bots`);
}

try {
  useRootKey(simulator.root_key);
  const baileys7 = await import('baileys');
  for (const number of EXTRAS)
    await simulator.ask({ do: 'phone', number });
  await linkBots();

  const alice = new Client(baileys7, simulator.endpoint, 'alice');
  const bob = new Client(baileys7, simulator.endpoint, 'bob');
  clients.push(alice, bob);
  await alice.linkByQr(simulator, ALICE);
  await bob.linkByCode(simulator, BOB);
  passed('two Baileys 7 clients are linked, one by QR, one by code');

  for (const addressing of ['pn', 'lid'])
    await assertEvents(await groupLife(addressing, alice, bob), addressing);

  const baileys6 = await import('baileys6');
  const old = new Client(baileys6, simulator.endpoint, 'old');
  clients.push(old);
  await simulator.ask({ do: 'options', old_qr: true, handshake_delay: 50 });
  await old.linkByQr(simulator, OLD);
  const created = await alice.socket.groupCreate('Interop old', [OLD, BOTS.qr].map(pn));
  await assertTablesEqual(old, created.id, 'Baileys 6.7.24');
  passed('tables equal what Baileys 6.7.24 reports');

  assert.equal(await postgres.query('SELECT count(*) FROM wa.rejected'), '0');
  passed('nothing was rejected');
  console.log(`1..${steps}`);
} catch (error) {
  console.log(`not ok ${steps + 1} - ${error.message}`);
  console.error(error);
  console.error(postgres.log());
  process.exitCode = 1;
} finally {
  clients.forEach(client => client.stop());
  postgres.stop();
  await simulator.stop();
}
process.exit();
