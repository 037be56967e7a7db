// Starts wa_simulator and talks to its control channel (docs/simulator.md).

import { spawn } from 'node:child_process';
import net from 'node:net';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const DEFAULT_PATH = fileURLToPath(new URL('../../wa_simulator', import.meta.url));

// {endpoint, control, root_key, ask(request), stop()}
export async function startSimulator(args = [], path = process.env.WA_SIMULATOR || DEFAULT_PATH) {
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise(resolve => child.once('exit', resolve));
  // it must not outlive a test that crashes
  process.once('exit', () => child.kill());
  const ready = await new Promise((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).once('line', resolve);
    child.once('error', reject);
    child.once('exit', code => reject(new Error(`the simulator ended with ${code}`)));
  });
  const simulator = await attachSimulator(JSON.parse(ready));
  simulator.stop = async () => {
    simulator.close();
    child.kill('SIGTERM');
    return exited;
  };
  return simulator;
}

// The same for one that runs already.
export async function attachSimulator(info) {
  const [host, port] = info.control.split(':');
  const socket = net.connect(Number(port), host);
  const waiting = [];
  readline.createInterface({ input: socket }).on('line', line => waiting.shift()?.(JSON.parse(line)));
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const tell = request => new Promise(resolve => {
    waiting.push(resolve);
    socket.write(JSON.stringify(request) + '\n');
  });
  return {
    ...info,
    // The answer, {ok, error, ...}
    tell,
    // The answer, or an exception when it is not ok
    ask: async request => {
      const answer = await tell(request);
      if (!answer.ok)
        throw new Error(`${JSON.stringify(request)}: ${answer.error}`);
      return answer;
    },
    close: () => socket.destroy(),
  };
}
