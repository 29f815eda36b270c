// `npm start`: serves ./tacet-home; where there is no tenant it makes `default` with an admin client first.
import { execFileSync, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tacet = join(root, 'bin/tacet');
const ask = (...args) => JSON.parse(execFileSync(tacet, [...args, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] }));

if (ask('tenant', 'list').length === 0) {
  ask('tenant', 'create', 'default');
  const client = ask('client', 'create', '--tenant', 'default', '--scopes', 'all');
  console.log('Made the tenant "default" and an admin client. The secret is shown this once:\n');
  console.log(`  client id      ${client.clientId}\n  client secret  ${client.clientSecret}\n`);
}
const server = spawn(tacet, ['serve'], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.kill(signal));
server.on('exit', (code) => process.exit(code ?? 1));
