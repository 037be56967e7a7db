// One Baileys client (7 or 6.7.24) with its credentials in memory.

import pino from 'pino';

const LOGGER = pino({ level: process.env.BAILEYS_LOG || 'silent' }, pino.destination(2));

// Waits until check() gives something true; polls, because what is waited for
// may come from anywhere.  Fails with what after ms.
export async function until(what, check, ms = 20000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await check();
    if (value)
      return value;
    if (Date.now() > end)
      throw new Error(`timed out waiting until ${what}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

function memoryKeys() {
  const store = new Map();
  return {
    get: async (type, ids) => Object.fromEntries(
      ids.filter(id => store.has(`${type}/${id}`)).map(id => [id, store.get(`${type}/${id}`)])),
    set: async data => {
      for (const [type, entries] of Object.entries(data))
        for (const [id, value] of Object.entries(entries))
          value == null ? store.delete(`${type}/${id}`) : store.set(`${type}/${id}`, value);
    },
  };
}

export class Client {
  // baileys: the imported module; name: for messages of errors; options: further ones of the socket
  constructor(baileys, endpoint, name, options = {}) {
    this.options = options;
    this.baileys = baileys;
    this.endpoint = endpoint;
    this.name = name;
    this.state = { creds: baileys.initAuthCreds(), keys: memoryKeys() };
    this.events = [];
    this.open = false;
    this.wanted = true;
  }

  connect() {
    const makeSocket = this.baileys.makeWASocket ?? this.baileys.default;
    const socket = this.socket = makeSocket({
      auth: this.state,
      waWebSocketUrl: this.endpoint,
      logger: LOGGER,
      browser: this.baileys.Browsers.ubuntu('Chrome'),
      markOnlineOnConnect: false,
      shouldSyncHistoryMessage: () => false,
      connectTimeoutMs: 10000,
      defaultQueryTimeoutMs: 10000,
      ...this.options,
    });
    socket.ev.on('creds.update', update => Object.assign(this.state.creds, update));
    socket.ev.on('connection.update', update => {
      if (update.qr)
        this.qr = update.qr;
      if (update.connection === 'open')
        this.open = true;
      if (update.receivedPendingNotifications)
        this.caughtUp = true;
      if (update.connection === 'close') {
        this.open = this.caughtUp = false;
        this.closedWith = update.lastDisconnect?.error?.output?.statusCode;
        // 515: the service wants a new connection after linking
        if (this.wanted && this.closedWith === this.baileys.DisconnectReason.restartRequired)
          this.connect();
      }
    });
    for (const kind of ['groups.upsert', 'groups.update', 'group-participants.update',
      'group.join-request', 'messages.upsert', 'messaging-history.set', 'contacts.upsert', 'chats.update',
      'labels.edit', 'labels.association'])
      socket.ev.on(kind, data => this.events.push({ kind, data }));
    return this;
  }

  async linkByQr(simulator, number) {
    this.connect();
    const qr = await until(`${this.name} shows a QR`, () => this.qr);
    const linked = await simulator.ask({ do: 'scan', number, qr });
    await this.online();
    return linked;
  }

  async linkByCode(simulator, number) {
    this.connect();
    await until(`${this.name} is ready to ask for a code`, () => this.qr);
    const code = await this.socket.requestPairingCode(number);
    // the request travels without an answer that the caller could wait for
    const linked = await until(`the phone accepts ${this.name}'s code`, async () => {
      const answer = await simulator.tell({ do: 'enter_code', number, code });
      if (!answer.ok && !/no device asked/.test(answer.error))
        throw new Error(answer.error);
      return answer.ok && answer;
    });
    await this.online();
    return linked;
  }

  online() {
    return until(`${this.name} is online`, () => this.open && this.caughtUp);
  }

  async reconnect() {
    this.socket.end(undefined);
    this.open = this.caughtUp = false;
    this.connect();
    await this.online();
  }

  stop() {
    this.wanted = false;
    this.socket?.end(undefined);
  }
}
