// What our tables say of a message, its reactions, votes, edits and media, in
// names instead of numbers.

import { quote } from './cluster.mjs';

const SERVER = { pn: 's.whatsapp.net', lid: 'lid' };

const query = id => `
SELECT json_build_object(
  'messages', (SELECT coalesce(json_agg(json_build_object('chat', c.jid, 'chat_kind', c.kind, 'bot', b.name,
      'with', c.user_id, 'kind', m.kind, 'body', m.body, 'state', m.state, 'origin', m.origin, 'sender', m.sender,
      'from_me', m.from_me, 'sent_at', extract(epoch FROM m.sent_at)::bigint, 'raw', encode(m.raw, 'base64'),
      'quoted', m.quoted_wa_id, 'quoted_known', m.quoted_message_id IS NOT NULL, 'mentions', m.mentions,
      'is_forwarded', m.is_forwarded, 'view_once', m.view_once, 'edited', m.edited_at IS NOT NULL,
      'revoked', m.revoked_at IS NOT NULL, 'revoked_by', m.revoked_by,
      'lives', extract(epoch FROM m.expires_at - m.sent_at)::bigint, 'meta', m.meta) ORDER BY m.message_id), '[]')
    FROM wa.messages AS m JOIN wa.chats AS c USING (chat_id) LEFT JOIN wa.bots AS b ON b.bot_id = c.bot_id
    WHERE m.wa_id = ${quote(id)}),
  'reactions', (SELECT coalesce(json_agg(json_build_array(r.user_id, r.emoji) ORDER BY r.user_id), '[]')
    FROM wa.reactions AS r WHERE r.wa_id = ${quote(id)} AND r.emoji IS NOT NULL),
  'edits', (SELECT coalesce(json_agg(json_build_array(e.action, e.body) ORDER BY e.edit_id), '[]')
    FROM wa.message_edits AS e WHERE e.wa_id = ${quote(id)}),
  'votes', (SELECT coalesce(json_agg(json_build_array(v.user_id, v.options) ORDER BY v.user_id), '[]')
    FROM wa.poll_votes AS v WHERE v.wa_id = ${quote(id)}),
  'media', (SELECT coalesce(json_agg(json_build_object('kind', a.kind, 'mimetype', a.mimetype, 'name', a.file_name,
      'size', a.file_size, 'sha256', encode(a.sha256, 'hex'), 'state', a.state,
      'content', encode(sha256(a.content), 'hex'))), '[]')
    FROM wa.media AS a JOIN wa.messages AS m USING (message_id) WHERE m.wa_id = ${quote(id)}),
  'rejected', (SELECT coalesce(json_agg(reason), '[]') FROM wa.rejected),
  'people', (SELECT coalesce(json_object_agg(user_id, ids), '{}') FROM (
    SELECT user_id, json_object_agg(kind, value) AS ids FROM wa.user_ids WHERE current GROUP BY 1) AS p))`;

export async function written(cluster, people, id) {
  const raw = await cluster.json(query(id));
  const name = user => user === null ? null : people.name(
    ...Object.entries(raw.people[user] ?? {}).map(([kind, value]) => `${value}@${SERVER[kind]}`),
    ...(raw.people[user] ? [] : [`person ${user}`]));
  return {
    messages: raw.messages.map(m => ({
      ...m, with: name(m.with), sender: name(m.sender), revoked_by: name(m.revoked_by),
      mentions: m.mentions?.map(name) ?? null, raw: m.raw?.replaceAll('\n', '') ?? null,
    })),
    reactions: raw.reactions.map(([who, emoji]) => [name(who), emoji]).sort(),
    edits: raw.edits,
    votes: raw.votes.map(([who, options]) => [name(who), options]).sort(),
    media: raw.media,
    rejected: raw.rejected,
  };
}
