// A private PostgreSQL cluster with wa_collector in it, and bots of ours.
// Its folder is made for it alone; it listens on a Unix socket only.

import { execFile, spawn } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { until } from './client.mjs';

const run = promisify(execFile);

export const quote = text => `'${String(text).replaceAll("'", "''")}'`;

// settings: of postgresql.conf.  PG_CONFIG names the PostgreSQL; when the
// extension is not installed in its own folders, WA_INSTALL_CONF names a file
// with lines for postgresql.conf.  PostgreSQL refuses to run as root.
export async function startCluster(settings) {
  const bin = (await run(process.env.PG_CONFIG || 'pg_config', ['--bindir'])).stdout.trim();
  const directory = await mkdtemp(path.join(tmpdir(), 'pg-'));
  const data = path.join(directory, 'data');
  const logFile = path.join(directory, 'log');
  if (Buffer.byteLength(directory) > 90)
    throw new Error(`${directory} is too long a path for a Unix socket: set TMPDIR to a shorter one`);
  await run(path.join(bin, 'initdb'),
    ['-D', data, '-U', 'collector', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N']);
  const conf = { listen_addresses: '', unix_socket_directories: directory, fsync: 'off',
    shared_preload_libraries: 'wa_collector', ...settings };
  await appendFile(path.join(data, 'postgresql.conf'),
    Object.entries(conf).map(([name, value]) => `${name} = '${value}'\n`).join(''));
  if (process.env.WA_INSTALL_CONF)
    await appendFile(path.join(data, 'postgresql.conf'), await readFile(process.env.WA_INSTALL_CONF));
  const log = () => readFile(logFile, 'utf8').catch(() => '');
  // without pipes: the server would hold them open
  const control = (...args) => new Promise((resolve, reject) =>
    spawn(path.join(bin, 'pg_ctl'), ['-D', data, '-l', logFile, '-w', '-t', '60', ...args], { stdio: 'ignore' })
      .once('error', reject)
      .once('exit', resolve));
  if (await control('start') !== 0)
    throw new Error(`PostgreSQL did not start:\n${await log()}`);

  // Statements; the last one's value as text
  const sql = async text => {
    const { stdout } = await run(path.join(bin, 'psql'),
      ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', directory, '-U', 'collector', '-d', 'postgres', '-c', text],
      { maxBuffer: 1 << 26 });
    return stdout.replace(/\n$/, '');
  };
  const cluster = {
    sql,
    json: async text => JSON.parse(await sql(text)),
    log: async () => (await log()).split('\n').slice(-40).join('\n'),
    // what the log says beside the usual
    complaints: async () => (await log()).split('\n').filter(line => /\b(WARNING|ERROR|FATAL|PANIC):/.test(line)),
    stop: async () => {
      await control('-m', 'fast', 'stop');
      await rm(directory, { recursive: true, force: true });
    },
  };
  await sql('CREATE EXTENSION wa_collector');
  return cluster;
}

function botOnline(cluster, name) {
  return until(`bot ${name} is online`, async () => {
    const bot = await cluster.json(`SELECT to_json(b) FROM wa.bots AS b WHERE name = ${quote(name)}`);
    if (['failed', 'logged_out', 'replaced'].includes(bot.status))
      throw new Error(`bot ${name}: ${bot.status} ${bot.status_reason} ${bot.status_detail}`);
    return bot.status === 'online' && bot.caught_up_at;
  });
}

export async function linkBotByQr(cluster, simulator, name, number) {
  await cluster.sql(`SELECT wa.add_bot(${quote(name)})`);
  const qr = await cluster.sql(`SELECT wa.qr_content(${quote(name)})`);
  const linked = await simulator.ask({ do: 'scan', number, qr });
  await botOnline(cluster, name);
  return linked;
}

export async function linkBotByCode(cluster, simulator, name, number) {
  await cluster.sql(`SELECT wa.add_bot(${quote(name)})`);
  const code = await cluster.sql(`SELECT wa.pair_code(${quote(name)}, ${quote(number)})`);
  const linked = await simulator.ask({ do: 'enter_code', number, code });
  await botOnline(cluster, name);
  return linked;
}

export async function pauseBot(cluster, simulator, name, number) {
  await cluster.sql(`SELECT wa.pause_bot(${quote(name)})`);
  await until(`the service sees ${name} gone`, async () =>
    (await simulator.ask({ do: 'clients', number })).clients.every(c => !c.connected));
}

export async function resumeBot(cluster, name) {
  await cluster.sql(`SELECT wa.resume_bot(${quote(name)})`);
  await botOnline(cluster, name);
}
