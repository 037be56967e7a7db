// What Baileys itself reports of a group, in the terms of tables.mjs: its
// metadata, and the messages that it makes of notifications.

// The group of groupMetadata() or groupFetchAllParticipating(), of Baileys 7 or 6
export function fromMetadata(meta, people) {
  const described = meta.desc !== undefined;
  return {
    jid: meta.id,
    addressing: meta.addressingMode,
    subject: meta.subject,
    subject_at: meta.subjectTime,
    subject_by: people.name(meta.subjectOwner, meta.subjectOwnerPn ?? meta.subjectOwnerJid),
    description: meta.desc ?? null,
    description_id: described ? meta.descId : null,
    description_at: described ? meta.descTime : null,
    description_by: described ? people.name(meta.descOwner, meta.descOwnerPn ?? meta.descOwnerJid) : null,
    created_at: meta.creation,
    creator: people.name(meta.owner, meta.ownerPn ?? meta.ownerJid),
    announce: meta.announce,
    locked: meta.restrict,
    join_approval: meta.joinApprovalMode,
    ephemeral_seconds: meta.ephemeralDuration ?? 0,
    member_add_mode: meta.memberAddMode ? 'all_member_add' : 'admin_add',
    parent_jid: meta.linkedParent ?? null,
    is_parent: meta.isCommunity,
    is_default_subgroup: meta.isCommunityAnnounce,
    members: meta.participants
      .map(p => `${people.name(p.id, p.phoneNumber, p.jid, p.lid)} ${p.admin ?? 'member'}`).sort(),
  };
}

const ON = { on: true, off: false };

// How the kinds of messages call what happened; [kind, how, value]
const KINDS = {
  GROUP_CREATE: () => ['create', null, null],
  GROUP_PARTICIPANT_ADD: () => ['join', null, null],
  GROUP_PARTICIPANT_REMOVE: () => ['leave', 'removed', null],
  GROUP_PARTICIPANT_LEAVE: () => ['leave', 'left', null],
  GROUP_PARTICIPANT_PROMOTE: () => ['promote', null, null],
  GROUP_PARTICIPANT_DEMOTE: () => ['demote', null, null],
  GROUP_CHANGE_SUBJECT: ([text]) => ['subject', null, text],
  GROUP_CHANGE_DESCRIPTION: ([text]) => ['description', null, text ?? null],
  GROUP_CHANGE_ANNOUNCE: ([state]) => ['announce', null, ON[state]],
  GROUP_CHANGE_RESTRICT: ([state]) => ['locked', null, ON[state]],
  GROUP_CHANGE_INVITE_LINK: ([code]) => ['invite_link', null, code],
  GROUP_MEMBER_ADD_MODE: ([mode]) => ['member_add_mode', null, mode],
  GROUP_MEMBERSHIP_JOIN_APPROVAL_MODE: ([state]) => ['approval_mode', null, ON[state]],
  GROUP_MEMBERSHIP_JOIN_APPROVAL_REQUEST_NON_ADMIN_ADD: ([, what, method]) => what === 'created'
    ? ['join_request', method, null]
    : ['request_revoked', what === 'revoked' ? 'withdrawn' : 'rejected', null],
};

// What a client heard of one group, one entry for each person that it is about
export function fromMessages(client, group, people) {
  const types = Object.fromEntries(
    Object.entries(client.baileys.WAMessageStubType).map(([name, number]) => [number, name]));
  return client.events
    .filter(event => event.kind === 'messages.upsert')
    .flatMap(event => event.data.messages)
    .filter(message => message.key.remoteJid === group || types[message.messageStubType] === 'GROUP_CREATE')
    .flatMap(message => {
      const type = types[message.messageStubType];
      const parameters = message.messageStubParameters ?? [];
      const timer = message.message?.protocolMessage?.ephemeralExpiration;
      const [kind, how, value] = KINDS[type]?.(parameters)
        ?? (timer === undefined || timer === null ? [type, null, null] : ['ephemeral', null, timer]);
      const targets = /PARTICIPANT|REQUEST/.test(type)
        ? parameters.filter(text => text?.startsWith('{')).map(text => JSON.parse(text))
          .map(p => people.name(p.id, p.phoneNumber, p.lid, p.pn))
        : [null];
      return targets.map(target => ({
        kind, how, actor: people.name(message.key.participant), target, value,
        at: Number(message.messageTimestamp),
      }));
    });
}

// An event of our tables as Baileys tells it: of joins it does not say how
export function asHeard({ kind, how, actor, target, value, at }) {
  return { kind, how: kind === 'join' ? null : how, actor, target, value, at };
}
