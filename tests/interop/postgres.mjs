// A private PostgreSQL cluster with wa_collector, on loopback, for one test.
// Needs PG_CONFIG (or pg_config) and, when the extension is not installed in
// PostgreSQL's own folders, WA_INSTALL_CONF: a file with lines for
// postgresql.conf.  PostgreSQL refuses to run as root.

import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

async function freePort() {
  const server = net.createServer();
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}

// {query(sql), json(sql), log(), stop()}
export async function startPostgres(settings) {
  const bin = execFileSync(process.env.PG_CONFIG || 'pg_config', ['--bindir']).toString().trim();
  const dir = mkdtempSync(join(tmpdir(), 'wa-interop-'));
  const data = join(dir, 'data');
  const port = await freePort();
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N']);
  const conf = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', fsync: 'off',
    shared_preload_libraries: 'wa_collector', ...settings };
  appendFileSync(join(data, 'postgresql.conf'),
    Object.entries(conf).map(([name, value]) => `${name} = '${value}'\n`).join(''));
  if (process.env.WA_INSTALL_CONF)
    appendFileSync(join(data, 'postgresql.conf'), readFileSync(process.env.WA_INSTALL_CONF));
  const logFile = join(dir, 'log');
  const control = (...args) => spawnSync(join(bin, 'pg_ctl'), ['-D', data, '-l', logFile, '-w', ...args], { stdio: 'ignore' });
  const log = () => readFileSync(logFile, 'utf8').split('\n').slice(-40).join('\n');
  if (control('start').status !== 0)
    throw new Error(`PostgreSQL did not start:\n${log()}`);
  const query = async sql => {
    const { stdout } = await run(join(bin, 'psql'),
      ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-c', sql, 'postgres'],
      { maxBuffer: 1 << 26 });
    return stdout.trimEnd();
  };
  return {
    query,
    json: async sql => JSON.parse(await query(sql) || 'null'),
    log,
    stop: () => {
      control('-m', 'fast', 'stop');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
