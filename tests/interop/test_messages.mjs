// What unmodified Baileys 7 clients write, in groups addressed by LID and by
// phone number and directly to our bots, is in our tables once and byte for
// byte: texts, replies, mentions, edits, deletions, reactions, polls and votes,
// media of each kind, disappearing messages; and so it stays when keys were
// lost, when a client is linked anew, and when a bot was away.
// Usage: node test_messages.mjs, not as root.

import assert from 'node:assert/strict';
import { createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { Client, until } from './client.mjs';
import { linkBotByQr, pauseBot, quote, resumeBot, startCluster } from './cluster.mjs';
import { mediaCertificate } from './media.mjs';
import { People } from './people.mjs';
import { useRootKey } from './root_key_loader.mjs';
import { startSimulator } from './simulator.mjs';
import { written } from './written.mjs';

const BOTS = ['north', 'south'];
const CROWD = ['alice', 'bob', 'carol', ...BOTS];
const DAY = 86400;

let steps = 0;
function passed(step) {
  steps++;
  console.log(`ok ${steps} - ${step}`);
}

// One chat between Baileys and our bots; what is written there is compared.
class Chat {
  // jid: as Baileys addresses it; bot: the one whose direct chat it is, else null
  constructor(world, { label, jid, bot = null }) {
    Object.assign(this, world, { label, jid, bot });
  }

  passed(step) {
    passed(`${this.label}: ${step}`);
  }

  // Sends content; the row must become what Baileys itself says that it sent
  async say(step, client, content, { kind, body, options, ...more } = {}) {
    const sent = await client.socket.sendMessage(this.jid, content, options);
    await this.compare(step, client, sent, { kind, body, ...more });
    return sent;
  }

  async compare(step, client, sent, { kind = 'text', body = null, bytes = true, ...more } = {}) {
    const now = await this.row(sent.key.id, step, row => row.state === 'stored');
    const encoded = Buffer.from(this.proto.Message.encode(sent.message).finish()).toString('base64');
    const expected = {
      chat_kind: this.bot ? 'direct' : 'group', bot: this.bot, kind, body, sender: client.name, from_me: false,
      sent_at: now.sent_at, is_forwarded: false, view_once: false, edited: false, revoked: false,
      ...(bytes ? { raw: encoded } : {}), ...more,
    };
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map(key => [key, now[key]])), expected, step);
    assert.ok(Math.abs(now.sent_at - Number(sent.messageTimestamp)) <= 5, `${step}: the time is the server's`);
    this.passed(step);
    return now;
  }

  // The one row of a message, when check says yes
  async row(id, step, check = () => true) {
    let last;
    try {
      return await until(`${this.label}: ${step}`, async () => {
        last = await written(this.cluster, this.people, id);
        assert.ok(last.messages.length <= 1, `${step}: one row per message`);
        assert.deepEqual(last.rejected, [], step);
        return last.messages.length === 1 && check(last.messages[0], last) && last.messages[0];
      });
    } catch (error) {
      error.message += `\n${JSON.stringify(last)}`;
      throw error;
    }
  }

  async until(step, id, check) {
    await this.row(id, step, (row, all) => check(all, row));
    this.passed(step);
  }
}

async function texts(chat) {
  const { alice, people } = chat;
  const hello = await chat.say('a text', alice, { text: 'Hello 👋 Ünï\'cödé "quoted" \\ {}\nsecond line' },
    { body: 'Hello 👋 Ünï\'cödé "quoted" \\ {}\nsecond line' });
  await chat.say('a reply', alice, { text: 'an answer' },
    { body: 'an answer', options: { quoted: hello }, quoted: hello.key.id, quoted_known: true });
  await chat.say('a mention', alice, { text: '@bob look', mentions: [people.jid('bob'), people.jid('carol', 'lid')] },
    { body: '@bob look', mentions: ['bob', 'carol'] });
  await chat.say('a long text', alice, { text: 'wörd '.repeat(8000) }, { body: 'wörd '.repeat(8000) });
  await chat.say('a forwarded text', alice, { forward: hello, force: true }, { body: hello.message.extendedTextMessage.text, is_forwarded: true });
  await chat.say('a location', alice, { location: { degreesLatitude: 52.5, degreesLongitude: 13.4, name: 'Here' } }, { kind: 'location' });
  await chat.say('a contact', alice, { contacts: { displayName: 'Eve', contacts: [{ displayName: 'Eve',
    vcard: 'BEGIN:VCARD\nVERSION:3.0\nFN:Eve\nTEL;waid=4915110000099:+49 151 10000099\nEND:VCARD' }] } }, { kind: 'contacts' });
  const gone = await chat.say('a text that disappears', alice, { text: 'for a day' },
    { body: 'for a day', options: { ephemeralExpiration: DAY }, lives: DAY });
  return { hello, gone };
}

async function changes(chat, hello) {
  const { alice, others } = chat;
  const first = await chat.say('a text to be edited', alice, { text: 'frist' }, { body: 'frist' });
  await alice.socket.sendMessage(chat.jid, { text: 'first', edit: first.key });
  await chat.until('its edit', first.key.id, ({ edits }, row) =>
    row.body === 'first' && row.edited && edits.some(([, body]) => body === 'frist') && edits.some(([, body]) => body === 'first'));
  const wrong = await chat.say('a text to be deleted', alice, { text: 'wrong chat' }, { body: 'wrong chat' });
  await alice.socket.sendMessage(chat.jid, { delete: wrong.key });
  await chat.until('its deletion', wrong.key.id, (_, row) => row.revoked && row.revoked_by === 'alice');

  const react = (client, text) => client.socket.sendMessage(chat.jid, { react: { text, key: chat.key(client, hello) } });
  await react(alice, '👍');
  await chat.until('a reaction', hello.key.id, ({ reactions }) => reactions.join() === 'alice,👍');
  for (const client of others)
    await react(client, '❤️');
  await chat.until('the others\' reactions', hello.key.id, ({ reactions }) => reactions.length === 1 + others.length);
  await react(alice, '😮');
  await chat.until('another reaction instead', hello.key.id, ({ reactions }) => reactions[0].join() === 'alice,😮');
  await react(alice, '');
  await chat.until('no reaction any more', hello.key.id, ({ reactions }) => !reactions.some(([who]) => who === 'alice'));
}

// As a phone encrypts a vote: the JIDs are those that the voter knows
function vote(proto, poll, voter, creator, names) {
  const info = Buffer.concat([poll.key.id, creator, voter, 'Poll Vote'].map(text => Buffer.from(text)));
  const key = Buffer.from(hkdfSync('sha256', poll.message.messageContextInfo.messageSecret, Buffer.alloc(32), info, 32));
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(`${poll.key.id}\0${voter}`));
  const plain = proto.Message.PollVoteMessage.encode({
    selectedOptions: names.map(name => createHash('sha256').update(name).digest()) }).finish();
  return { encPayload: Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]), encIv: iv };
}

async function polls(chat) {
  const { alice, proto, people } = chat;
  const poll = await chat.say('a poll', alice, { poll: { name: 'When?', values: ['Monday', 'Tuesday', 'never'], selectableCount: 2 } },
    { kind: 'poll', body: 'When?' });
  const cast = (client, names, addressing) => client.socket.relayMessage(chat.jid, { pollUpdateMessage: {
    pollCreationMessageKey: chat.key(client, poll), senderTimestampMs: Date.now(),
    vote: vote(proto, poll, people.jid(client.name, addressing), people.jid('alice', addressing), names) } }, {});
  const votes = wanted => ({ votes }) => JSON.stringify(votes.map(([who, options]) => [who, [...options].sort()])) === JSON.stringify(wanted);
  await cast(alice, ['Monday', 'Tuesday'], 'lid');
  await chat.until('a vote', poll.key.id, votes([['alice', ['Monday', 'Tuesday']]]));
  await cast(alice, ['never'], 'pn');
  await chat.until('another vote instead', poll.key.id, votes([['alice', ['never']]]));
  for (const client of chat.others)
    await cast(client, ['Tuesday'], 'lid');
  await chat.until('the others\' votes', poll.key.id, ({ votes }) => votes.length === 1 + chat.others.length);
}

async function media(chat) {
  const { alice, cluster } = chat;
  const files = {
    image: [{ image: randomBytes(30001), caption: 'a picture', mimetype: 'image/jpeg', jpegThumbnail: 'AAAA' }, 'image', 'a picture'],
    video: [{ video: randomBytes(70000), caption: 'a film', mimetype: 'video/mp4', jpegThumbnail: 'AAAA' }, 'video', 'a film'],
    gif: [{ video: randomBytes(20000), gifPlayback: true, mimetype: 'video/mp4', jpegThumbnail: 'AAAA' }, 'gif', null],
    audio: [{ audio: randomBytes(4097), mimetype: 'audio/mp4', seconds: 3 }, 'audio', null],
    voice: [{ audio: randomBytes(1), mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 1, waveform: Buffer.alloc(64) }, 'voice', null],
    document: [{ document: randomBytes(100000), fileName: 'Müll.pdf', mimetype: 'application/pdf' }, 'document', null],
    sticker: [{ sticker: randomBytes(15 * 1024) }, 'sticker', null],
    'view-once image': [{ image: randomBytes(5000), viewOnce: true, mimetype: 'image/jpeg', jpegThumbnail: 'AAAA' }, 'image', null],
  };
  for (const [what, [content, kind, body]] of Object.entries(files)) {
    const bytes = content.image ?? content.video ?? content.audio ?? content.document ?? content.sticker;
    const hash = createHash('sha256').update(bytes).digest('hex');
    const sent = await chat.say(`media: ${what}`, alice, content, { kind, body, view_once: content.viewOnce ?? false });
    await cluster.sql(`SELECT wa.fetch_media(message_id) FROM wa.messages WHERE wa_id = ${quote(sent.key.id)}`);
    await chat.until(`media: ${what} fetched and its hash right`, sent.key.id, ({ media: [file] }) =>
      file?.state === 'stored' && file.size === bytes.length && file.sha256 === hash && file.content === hash);
  }
}

// The bot loses what alice's sender key needs: Baileys must answer the retry receipt
async function lostSenderKey(chat) {
  const { alice, cluster, simulator, people } = chat;
  for (const bot of BOTS)
    await pauseBot(cluster, simulator, bot, people.number(bot));
  await cluster.sql('DELETE FROM wa_private.records WHERE kind IN (3, 4)');
  const sent = await alice.socket.sendMessage(chat.jid, { text: 'no key for this' });
  for (const bot of BOTS)
    await resumeBot(cluster, bot);
  await chat.compare('a message whose sender key was lost', alice, sent, { body: 'no key for this', bytes: false });
  await chat.say('and the next one', alice, { text: 'key again' }, { body: 'key again' });
}

async function away(chat) {
  const { alice, cluster, simulator, people } = chat;
  const bots = chat.bot ? [chat.bot] : BOTS;
  for (const bot of bots)
    await pauseBot(cluster, simulator, bot, people.number(bot));
  const sent = [];
  for (let i = 0; i < 30; i++)
    sent.push(await alice.socket.sendMessage(chat.jid, { text: `while away ${i}` }));
  for (const bot of bots)
    await resumeBot(cluster, bot);
  for (const [i, message] of sent.entries()) {
    const row = await chat.row(message.key.id, `message ${i} of those that waited`, r => r.state === 'stored');
    assert.equal(row.body, `while away ${i}`);
  }
  chat.passed('30 messages that waited while the bots were away');
}

async function everywhere(world) {
  const { alice, bob, people, simulator, cluster } = world;
  const groups = [];
  for (const addressing of ['lid', 'pn']) {
    await simulator.ask({ do: 'options', new_groups: addressing });
    const jid = (await alice.socket.groupCreate(`Written by ${addressing}`, ['bob', 'carol', ...BOTS].map(n => people.jid(n)))).id;
    await until('the group is known', () => cluster.sql(`SELECT count(*) = 2 FROM wa.bot_groups JOIN wa.groups USING (group_id) WHERE jid = ${quote(jid)}`)
      .then(x => x === 't'));
    await cluster.sql(`SELECT wa.watch_group(${quote(jid)}, 'messages')`);
    const chat = new Chat(world, { label: `group by ${addressing}`, jid });
    chat.others = [bob];
    chat.key = (client, message) => ({ ...message.key, fromMe: client.name === 'alice',
      participant: people.jid('alice', addressing) });
    groups.push(chat);
  }
  const direct = ['lid', 'pn'].map((addressing, i) => {
    const chat = new Chat(world, { label: `direct by ${addressing}`, jid: people.jid(BOTS[i], addressing), bot: BOTS[i] });
    chat.others = [];
    chat.key = (client, message) => message.key;
    return chat;
  });
  for (const chat of [...groups, ...direct]) {
    const { hello } = await texts(chat);
    await changes(chat, hello);
    await polls(chat);
    await media(chat);
    await away(chat);
  }
  for (const chat of groups)
    await lostSenderKey(chat);
  return { groups, direct };
}

// Alice removes her client and links another one: the bots see other keys
async function linkedAnew(world, chats) {
  const { simulator, people, clients } = world;
  await world.alice.socket.logout();
  world.alice.stop();
  const alice = new Client(world.baileys, simulator.endpoint, 'alice');
  clients.push(alice);
  await alice.linkByQr(simulator, people.number('alice'));
  for (const chat of chats) {
    chat.alice = alice;
    await chat.say('a text of a client linked anew', alice, { text: 'new keys' }, { body: 'new keys' });
  }
}

async function everything(simulator, cluster, clients) {
  const people = new People();
  for (const [i, name] of CROWD.entries())
    await people.add(simulator, name, `49151100000${10 + i}`);
  useRootKey(simulator.root_key);
  const baileys = await import('baileys');
  const alice = new Client(baileys, simulator.endpoint, 'alice');
  const bob = new Client(baileys, simulator.endpoint, 'bob');
  clients.push(alice, bob);
  await alice.linkByQr(simulator, people.number('alice'));
  await bob.linkByQr(simulator, people.number('bob'));
  for (const name of BOTS)
    await linkBotByQr(cluster, simulator, name, people.number(name));
  const world = { simulator, cluster, people, alice, bob, clients, baileys, proto: baileys.proto };
  const { groups, direct } = await everywhere(world);
  await linkedAnew(world, [...groups, ...direct]);

  assert.equal(await cluster.sql("SELECT count(*) FROM wa.messages WHERE state <> 'stored'"), '0');
  assert.equal(await cluster.sql('SELECT count(*) - count(DISTINCT (chat_id, sender, wa_id)) FROM wa.messages'), '0');
  await until('every stanza is answered', async () =>
    (await simulator.ask({ do: 'clients' })).clients.every(c => c.removed || c.queued === 0));
  assert.deepEqual(await cluster.complaints(), []);
  passed('nothing is pending, doubled or unanswered, and the server has nothing to complain about');
}

const certificate = await mediaCertificate();
const clients = [];
let simulator;
let cluster;
try {
  simulator = await startSimulator(['--seed', '12', ...certificate.flags]);
  cluster = await startCluster({
    'wa_collector.endpoint': simulator.endpoint,
    'wa_collector.noise_root_key': simulator.root_key,
    'wa_collector.keep_raw': 'on',
    'wa_collector.keep_revoked': 'on',
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
