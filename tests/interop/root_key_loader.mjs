// Lets an unmodified Baileys trust the simulator: replaces the one constant
// that names WhatsApp's certificate root while the module is being loaded.
// Nothing on disk changes.  Call useRootKey() before the first import of
// baileys.  Baileys 6.7.24 does not check the root and needs no hook.

import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const REAL_ROOT = '142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b';

let rootKey;

export function useRootKey(hex) {
  if (!/^[0-9a-f]{64}$/.test(hex))
    throw new Error('the root key must be 64 hex digits');
  register(import.meta.url, { data: { rootKey: hex } });
}

// ---- the hooks; they run in the loader's own thread ----

export function initialize(data) {
  rootKey = data.rootKey;
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (isMainThread || !/\/baileys\/lib\/Defaults\/index\.js$/.test(url))
    return loaded;
  const source = loaded.source.toString();
  if (source.split(REAL_ROOT).length !== 2)
    throw new Error(`${url}: expected the root key exactly once`);
  return { ...loaded, source: source.replace(REAL_ROOT, rootKey) };
}
