// One group under test: changes it step by step and compares after each step
// our tables with what Baileys reports, and both with what was done.

import assert from 'node:assert/strict';
import { until } from './client.mjs';
import { asHeard, fromMessages, fromMetadata } from './reported.mjs';
import { fromTables } from './tables.mjs';

// The event of a step: 'join added', who did it, whom it is about, what was set
// and how many of our bots saw it
export function did(what, actor, target = null, { value = null, seen = 2 } = {}) {
  const [kind, how = null] = what.split(' ');
  return { kind, how, actor, target, value, seen };
}

const brief = ({ kind, how, actor, target, value, seen, source = 'live' }) =>
  `${source === 'live' ? '' : `${source} `}${[kind, how].filter(x => x).join(' ')} by ${actor}`
  + `${target ? `: ${target}` : ''}${value === null ? '' : ` = ${value}`}, seen by ${seen}`;

export class GroupUnderTest {
  // observer: the Baileys client that is in the group all the time; others: the
  // clients that come and go, by name; bots: our bots' names
  constructor({ cluster, simulator, people, observer, others, bots, passed }) {
    Object.assign(this, { cluster, simulator, people, observer, others, bots, passed });
    this.expected = [];
    this.stays = [];
    this.decisions = [];
    this.deaf = 0;
  }

  // Begins with a group that exists; first: who is in it, the creator first
  begin(jid, label, first) {
    this.jid = jid;
    this.label = label;
    const [creator] = first;
    for (const who of first)
      this.stays.push({ who, join: 'created', inviter: who === creator ? null : creator, leave: null,
        remover: null, sure: true });
    this.stays.sort((a, b) => a.who.localeCompare(b.who));
    this.expected.push(did('create', creator));
  }

  // What a stay becomes with an event
  #live({ kind, how, actor, target }) {
    if (kind === 'join')
      this.stays.push({ who: target, join: how, leave: null, remover: null, sure: true,
        inviter: how === 'added' || how === 'approved' ? actor : null });
    if (kind === 'leave')
      Object.assign(this.stays.findLast(s => s.who === target), { leave: how,
        remover: how === 'removed' ? actor : null });
    if (kind === 'join' && how === 'approved')
      this.decisions.push(`${target} approved by ${actor}`);
    if (kind === 'request_revoked')
      this.decisions.push(`${target} ${how} by ${actor}`);
  }

  // Everything that the service sent has been acknowledged by all who are online:
  // from then on it must be in the tables
  async #settled() {
    await until('everybody has acknowledged everything', async () =>
      (await this.simulator.ask({ do: 'clients' })).clients
        .every(c => c.removed || !c.connected || c.queued === 0));
  }

  // change: does it. events: what that is, in order. The observer does not hear
  // of actions after the first in one notification: unheard says how many those are
  async step(name, change, events = [], { unheard = 0 } = {}) {
    await change();
    this.expected.push(...events);
    events.forEach(event => this.#live(event));
    await this.#settled();
    await this.compare(name);
    this.deaf += unheard;
    const heard = () => fromMessages(this.observer, this.jid, this.people)
      .filter(h => h.kind !== 'create' || h.at === this.created);
    await until(`${this.observer.name} heard of "${name}"`,
      () => heard().length >= this.expected.length - this.deaf);
    assert.deepEqual(heard(), this.have.events.filter(e => e.ordinal === 0).map(asHeard),
      `what ${this.observer.name} heard, after "${name}"`);
    this.passed(`${this.label}: ${name}`);
  }

  async compare(name) {
    const { people, jid } = this;
    const meta = await this.observer.socket.groupMetadata(jid);
    const reported = fromMetadata(meta, people);
    const have = this.have = await fromTables(this.cluster, jid, people);
    this.created = reported.created_at;
    assert.deepEqual(have.rejected, [], `after "${name}"`);
    assert.deepEqual(have.group, reported, `the group after "${name}"`);
    assert.deepEqual(have.events.map(brief), this.expected.map(brief), `its events after "${name}"`);
    assert.deepEqual(have.bots, reported.members.filter(m => this.bots.includes(m.split(' ')[0])),
      `our bots in it after "${name}"`);
    const sorted = stays => [...stays].sort((a, b) => a.who.localeCompare(b.who));
    assert.deepEqual(sorted(have.stays), sorted(this.stays), `the stays in it after "${name}"`);
    const requests = await this.observer.socket.groupRequestParticipantsList(jid);
    assert.deepEqual(have.requests, requests.map(r => people.name(r.jid)).sort(),
      `requests to join after "${name}"`);
    assert.deepEqual(have.decisions, this.decisions, `what became of requests after "${name}"`);
    if (have.link)
      assert.deepEqual(have.link, [await this.observer.socket.groupInviteCode(jid)], `its link after "${name}"`);
    assert.equal(have.complete, true, `complete after "${name}"`);
    for (const [who, client] of Object.entries(this.others)) {
      if (reported.members.some(m => m.startsWith(`${who} `)))
        assert.deepEqual(fromMetadata(await client.socket.groupMetadata(jid), people), reported,
          `${client.name} agrees after "${name}"`);
    }
  }
}
