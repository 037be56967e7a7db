// What Baileys says of a group beside what the simulator knows.

import assert from 'node:assert/strict';

const user = jid => jid?.replace(/@.*/, '').replace(/:.*/, '');

// The group as Baileys reports it, in the simulator's terms.
export function fromBaileys(meta) {
  return {
    group: meta.id,
    subject: meta.subject,
    description: meta.desc ?? null,
    announce: Boolean(meta.announce),
    locked: Boolean(meta.restrict),
    join_approval: Boolean(meta.joinApprovalMode),
    member_add_mode: meta.memberAddMode ? 'all_member_add' : 'admin_add',
    ephemeral_seconds: meta.ephemeralDuration ?? 0,
    members: meta.participants.map(p => `${user(p.id)} ${p.admin ?? 'member'}`).sort(),
  };
}

export function fromTruth(truth) {
  return {
    group: truth.group,
    subject: truth.subject,
    description: truth.description,
    announce: truth.settings.announce,
    locked: truth.settings.locked,
    join_approval: truth.settings.join_approval,
    member_add_mode: truth.settings.member_add_mode,
    ephemeral_seconds: truth.settings.ephemeral_seconds,
    members: truth.members
      .map(m => `${truth.addressing === 'lid' ? m.lid : m.pn} ${m.role}`).sort(),
  };
}

export async function assertEqualsTruth(client, simulator, group, step) {
  const { groups: [truth] } = await simulator.ask({ do: 'truth', group });
  const meta = await client.socket.groupMetadata(group);
  assert.deepEqual(fromBaileys(meta), fromTruth(truth), `${client.name} after "${step}"`);
  return truth;
}
