// The people of a test by name, whatever number or LID they appear under.

export class People {
  #byId = new Map();
  #byName = new Map();

  // Makes the account; its LID is what the service says
  async add(simulator, name, number) {
    const { lid } = await simulator.ask({ do: 'phone', number, name });
    this.#byName.set(name, { number, lid });
    this.#byId.set(`${number}@s.whatsapp.net`, name);
    this.#byId.set(`${lid}@lid`, name);
    return number;
  }

  number(name) {
    return this.#byName.get(name).number;
  }

  // How a group of this addressing names the person
  jid(name, addressing = 'pn') {
    const { number, lid } = this.#byName.get(name);
    return addressing === 'lid' ? `${lid}@lid` : `${number}@s.whatsapp.net`;
  }

  // The name behind JIDs that all mean one person; absent ones do not count.
  // What is wrong with them becomes part of the name, so that it is seen.
  name(...jids) {
    const known = jids.filter(jid => jid);
    if (known.length === 0)
      return null;
    const names = new Set(known.map(jid => this.#byId.get(jid) ?? `stranger ${jid}`));
    return [...names].join(' = ');
  }
}
