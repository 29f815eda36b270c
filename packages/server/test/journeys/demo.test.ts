import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../../../scripts/demo.mjs', import.meta.url));
const demoMsMax = 120_000;

/** What it asks before each of its acts but the first, which begins with its title. */
const acts = ["And a campaign, as Twin24's clients run it?", 'Does it come back with a backup?'];

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
});

afterEach(async () => {
  // Tries again, since the server of one test may still be writing its last seal.
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});

/** The demo with a temporary folder of its own, so that whatever it leaves behind is seen. */
function startDemo(...args: string[]) {
  const env = { ...process.env, TMPDIR: folder };
  const demo = spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => demo.once('exit', resolve));
  return { demo, ended, said: text(demo.stdout), complained: text(demo.stderr) };
}

/** Resolves with the first match in what a process prints; rejects when it ends without one. */
function matchIn(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let seen = '';
    stream.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      const match = pattern.exec(seen);
      if (match) resolve(match);
    });
    stream.once('end', () => reject(new Error(`ended without ${pattern}`)));
  });
}

const isUp = async (base: string) =>
  await fetch(`${base}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );

describe('npm run demo', () => {
  it('finds every promise kept, and leaves nothing behind', { timeout: demoMsMax }, async () => {
    const { ended, said, complained } = startDemo();
    expect({ complained: await complained, code: await ended }).toEqual({ complained: '', code: 0 });
    const lines = (await said).split('\n');
    expect(lines.filter((line) => line.startsWith('  \u2713 '))).toHaveLength(25);
    expect(lines.filter((line) => line.startsWith('  \u2717 '))).toEqual([]);
    for (const act of acts) expect(lines).toContain(act);
    expect(lines.at(-3)).toMatch(/^All 25 checks passed in \d+\.\d s\.$/);
    expect(await readdir(folder)).toEqual([]);
  });

  it('ends its server and removes its folder when it is interrupted', { timeout: demoMsMax }, async () => {
    const { demo, ended, complained } = startDemo();
    const [, base = ''] = await matchIn(demo.stdout, /the server is up at (\S+)/);
    demo.kill('SIGINT');
    expect({ complained: await complained, code: await ended }).toEqual({ complained: '', code: 130 });
    expect(await isUp(base)).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });

  it('with --keep leaves a server up that takes the credentials it printed', { timeout: demoMsMax }, async () => {
    const { ended, said } = startDemo('--keep');
    expect(await ended).toBe(0);
    const printed = await said;
    const value = (pattern: RegExp) => pattern.exec(printed)?.[1] ?? '';
    const pid = Number(value(/^To stop it: +kill (\d+)$/m));
    const base = value(/^ {2}address +(\S+)$/m);
    expect(pid).toBeGreaterThan(1);
    try {
      expect(await isUp(base)).toBe(true);
      const form = {
        grant_type: 'client_credentials',
        client_id: value(/^ {2}client id +(\S+)$/m),
        client_secret: value(/^ {2}client secret +(\S+)$/m),
      };
      const granted = await fetch(`${base}/Token`, { method: 'POST', body: new URLSearchParams(form) });
      expect(granted.status).toBe(200);
      const login = { email: value(/^ {2}user +(\S+)$/m), password: value(/^ {2}password +(\S+)$/m) };
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify(login);
      const entered = await fetch(`${base}/iam/api/v1/auth/login`, { method: 'POST', headers, body });
      expect(entered.status).toBe(200);
    } finally {
      process.kill(pid, 'SIGTERM');
    }
    await expect.poll(async () => await isUp(base), { timeout: 15_000 }).toBe(false);
  });
});
