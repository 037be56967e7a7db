// What our tables say of a group, in the terms of compare.mjs.

import { quote } from './cluster.mjs';

const SERVER = { pn: 's.whatsapp.net', lid: 'lid' };

const epoch = column => `extract(epoch FROM ${column})::bigint`;

const query = group => `
WITH g AS (SELECT * FROM wa.groups WHERE jid = ${quote(group)})
SELECT json_build_object(
  'group', (SELECT json_build_object('jid', jid, 'addressing', addressing_mode, 'subject', subject,
      'subject_at', ${epoch('subject_at')}, 'subject_by', subject_by, 'description', description,
      'description_id', description_id, 'description_at', ${epoch('description_at')},
      'description_by', description_by, 'created_at', ${epoch('created_at')}, 'creator', creator,
      'announce', announce, 'locked', locked, 'join_approval', join_approval,
      'ephemeral_seconds', ephemeral_seconds, 'member_add_mode', member_add_mode,
      'parent_jid', parent_jid, 'is_parent', is_parent, 'is_default_subgroup', is_default_subgroup)
    FROM g),
  'members', (SELECT coalesce(json_agg(json_build_array(user_id, role)), '[]')
    FROM wa.memberships JOIN g USING (group_id) WHERE left_at IS NULL),
  'stays', (SELECT coalesce(json_agg(json_build_object('who', user_id, 'join', join_kind, 'inviter', inviter,
      'leave', leave_kind, 'remover', remover,
      'live', join_source = 'live' AND joined_precision = interval '0'
        AND (leave_source IS NULL OR leave_source = 'live' AND left_precision = interval '0'),
      'dated', (join_event_id IS NULL AND joined_at = g.created_at OR EXISTS (SELECT FROM wa.group_events AS e
          WHERE e.event_id = join_event_id AND e.occurred_at = joined_at AND e.kind = 'join'))
        AND (left_at IS NULL OR EXISTS (SELECT FROM wa.group_events AS e
          WHERE e.event_id = leave_event_id AND e.occurred_at = left_at AND e.kind = 'leave')))
      ORDER BY membership_id), '[]')
    FROM wa.memberships JOIN g USING (group_id)),
  'events', (SELECT coalesce(json_agg(json_build_object('source', source, 'kind', kind, 'how', how, 'actor', actor,
      'target', target, 'details', details, 'ordinal', ordinal, 'at', ${epoch('occurred_at')},
      'seen', (SELECT count(*) FROM wa.event_sightings AS s WHERE s.event_id = e.event_id)) ORDER BY event_id), '[]')
    FROM wa.group_events AS e JOIN g USING (group_id)),
  'bots', (SELECT coalesce(json_agg(json_build_array(b.name, bg.role, bg.joined_at IS NOT NULL)), '[]')
    FROM wa.bot_groups AS bg JOIN wa.bots AS b USING (bot_id) JOIN g USING (group_id) WHERE bg.left_at IS NULL),
  'requests', (SELECT coalesce(json_agg(user_id), '[]')
    FROM wa.join_requests JOIN g USING (group_id) WHERE decided_at IS NULL),
  'decisions', (SELECT coalesce(json_agg(json_build_object('who', user_id, 'what', decision, 'by', decided_by)
      ORDER BY request_id), '[]')
    FROM wa.join_requests JOIN g USING (group_id) WHERE decided_at IS NOT NULL),
  'link', (SELECT json_agg(code) FROM wa.invite_links JOIN g USING (group_id) WHERE valid_until IS NULL),
  'complete', (SELECT complete FROM wa.group_completeness JOIN g USING (group_id)),
  'rejected', (SELECT coalesce(json_agg(reason), '[]') FROM wa.rejected),
  'people', (SELECT coalesce(json_object_agg(user_id, ids), '{}') FROM (
    SELECT user_id, json_object_agg(kind, value) AS ids FROM wa.user_ids WHERE current GROUP BY 1) AS p))`;

const SETTINGS = ['announce', 'locked', 'join_approval', 'ephemeral_seconds', 'member_add_mode'];

// The one thing that the event set
function valueOf({ kind, details }) {
  if (details?.settings) {
    const said = SETTINGS.filter(key => key in details.settings);
    return said.length === 1 ? details.settings[said[0]] : JSON.stringify(details.settings);
  }
  return kind === 'create' ? null : details?.text ?? null;
}

export async function fromTables(cluster, group, people) {
  const raw = await cluster.json(query(group));
  const jids = id => Object.entries(raw.people[id] ?? {}).map(([kind, value]) => `${value}@${SERVER[kind]}`);
  const name = id => id === null ? null : people.name(...jids(id), ...(raw.people[id] ? [] : [`person ${id}`]));
  // of members both identities are known
  const member = id => jids(id).length === 2 ? name(id) : `${name(id)} as ${jids(id)}`;
  const described = raw.group?.description != null;
  return {
    group: raw.group && {
      ...raw.group,
      subject_by: name(raw.group.subject_by),
      creator: name(raw.group.creator),
      description_id: described ? raw.group.description_id : null,
      description_at: described ? raw.group.description_at : null,
      description_by: described ? name(raw.group.description_by) : null,
      members: raw.members.map(([id, role]) => `${member(id)} ${role}`).sort(),
    },
    bots: raw.bots.map(([bot, role, dated]) => `${bot} ${role}${dated ? '' : ' since when?'}`).sort(),
    stays: raw.stays.map(s => ({
      who: name(s.who), join: s.join, inviter: name(s.inviter), leave: s.leave, remover: name(s.remover),
      sure: s.live && s.dated,
    })),
    events: raw.events.map(e => ({
      kind: e.kind, how: e.how, actor: name(e.actor), target: name(e.target), value: valueOf(e),
      source: e.source, seen: e.seen, at: e.at, ordinal: e.ordinal,
    })),
    requests: raw.requests.map(name).sort(),
    decisions: raw.decisions.map(d => `${name(d.who)} ${d.what} by ${name(d.by)}`),
    link: raw.link,
    complete: raw.complete,
    rejected: raw.rejected,
  };
}
