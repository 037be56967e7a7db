// Lets an unmodified Baileys trust the simulator: replaces the one constant
// that names WhatsApp's certificate root while the module is being loaded, and
// the one that names the host of files without an address of their own (history
// and app state).  Nothing on disk changes.  Call useRootKey() before the first import of
// baileys.  Baileys 6.7.24 does not check the root and needs no hook.

import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const REAL_HOST = "'mmg.whatsapp.net'";
const REAL_ROOT = '142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b';

let rootKey;
let mediaHost;

// host: "127.0.0.1:1234" of the media service, when it is needed
export function useRootKey(hex, host) {
  if (!/^[0-9a-f]{64}$/.test(hex))
    throw new Error('the root key must be 64 hex digits');
  register(import.meta.url, { data: { rootKey: hex, mediaHost: host } });
}

// ---- the hooks; they run in the loader's own thread ----

export function initialize(data) {
  rootKey = data.rootKey;
  mediaHost = data.mediaHost;
}

function replaceOnce(url, source, from, to) {
  if (source.split(from).length !== 2)
    throw new Error(`${url}: expected ${from} exactly once`);
  return source.replace(from, to);
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (isMainThread)
    return loaded;
  if (/\/baileys\/lib\/Defaults\/index\.js$/.test(url))
    return { ...loaded, source: replaceOnce(url, loaded.source.toString(), REAL_ROOT, rootKey) };
  if (mediaHost && /\/baileys\/lib\/Utils\/messages-media\.js$/.test(url))
    return { ...loaded, source: replaceOnce(url, loaded.source.toString(), REAL_HOST, `'${mediaHost}'`) };
  return loaded;
}
