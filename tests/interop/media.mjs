// A certificate for the simulator's media service that this process trusts.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

// {flags: of wa_simulator, file}.  Node reads the certificates that it trusts
// beside the usual ones only when it starts: the test is run once more with it,
// and this process ends as that one did.  To be called before anything else.
export async function mediaCertificate() {
  const folder = process.env.WA_MEDIA_CERTIFICATE;
  if (folder) {
    const file = path.join(folder, 'cert.pem');
    return { file, flags: ['--media-tls-cert', file, '--media-tls-key', path.join(folder, 'key.pem')] };
  }
  const made = mkdtempSync(path.join(tmpdir(), 'cert-'));
  const file = path.join(made, 'cert.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
    '-keyout', path.join(made, 'key.pem'), '-out', file], { stdio: 'ignore' });
  const { status } = spawnSync(process.execPath, process.argv.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, NODE_EXTRA_CA_CERTS: file, WA_MEDIA_CERTIFICATE: made },
  });
  rmSync(made, { recursive: true, force: true });
  process.exit(status ?? 1);
}
