import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { plainRequest, statusesIn } from '../support/lenient-scene.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { makeCertificate, type TestCertificate } from '../support/tls-certificates.ts';
import { TlsConnection } from '../support/tls-connection.ts';
import { until } from '../support/until.ts';

const endMsMax = 15_000;

let folder: string;
let first: TestCertificate;
let second: TestCertificate;
const started: TacetProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
  first = await makeCertificate(folder, 'first.example');
  second = await makeCertificate(folder, 'second.example', 'rsa');
});

afterEach(async () => {
  for (const { child } of started) child.kill('SIGKILL');
  await Promise.all(started.splice(0).map(({ ended }) => ended));
});

afterAll(async () => await rm(folder, { recursive: true, force: true }));

function serve(env: Record<string, string>, home = 'home'): TacetProcess {
  const process = startTacet(['serve'], { TACET_HOME: join(folder, home), TACET_LISTEN: '127.0.0.1:0', ...env });
  started.push(process);
  return process;
}

/** What it says on standard output until it listens: the lines before, and where it does. */
async function addressesOf({ child, listening }: TacetProcess): Promise<{ main: string; lenient: string | undefined }> {
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const main = await listening;
  return { main, lenient: /^lenient listener at (\S+)$/m.exec(output)?.[1] };
}

const health = rawRequest('GET /healthz', ['Connection: close']);

/** Asks `/healthz` as the scheme of the address demands. */
async function expectServes(origin: string | undefined): Promise<void> {
  if (origin === undefined) throw new Error('there is no such listener');
  if (origin.startsWith('http:')) {
    expect((await sendRaw(origin, health)).status).toBe(200);
    return;
  }
  const connection = await TlsConnection.open(origin, first.cert);
  connection.send(health);
  expect(statusesIn(await connection.closed)).toEqual([200]);
}

async function expectEnds(process: TacetProcess): Promise<void> {
  const told = performance.now();
  process.child.kill('SIGTERM');
  const ended = await process.ended;
  expect(ended, ended.errors).toMatchObject({ code: 0, signal: null });
  expect(performance.now() - told).toBeLessThan(endMsMax);
  expect(ended.output.match(/listening on/g)).toHaveLength(1);
}

describe('`tacet serve`', () => {
  const certificate = () => ({ TACET_TLS_CERT: first.certFile, TACET_TLS_KEY: first.keyFile });
  const lenient = { TACET_LENIENT_LISTEN: '0' };

  test.each<[string, () => Record<string, string>, RegExp, RegExp]>([
    ['TLS on both', certificate, /^https:\/\/127\.0\.0\.1:\d+$/, /^https:\/\/127\.0\.0\.1:\d+$/],
    ['TLS on the lenient one', () => ({ ...certificate(), TACET_TLS: 'off' }), /^http:/, /^https:/],
    ['TLS on the main one', () => ({ ...certificate(), TACET_LENIENT_TLS: 'off' }), /^https:/, /^http:/],
    ['no TLS', () => ({}), /^http:/, /^http:/],
  ])('listens as it is told, %s, serves on both and ends on SIGTERM', async (_name, env, main, other) => {
    const process = serve({ ...lenient, ...env() });
    const addresses = await addressesOf(process);
    expect(addresses).toEqual({ main: expect.stringMatching(main), lenient: expect.stringMatching(other) });
    await expectServes(addresses.main);
    await expectServes(addresses.lenient);
    await expectEnds(process);
  });

  test('has no lenient listener unless told, and ends at once where connections are merely kept', async () => {
    const process = serve(certificate());
    const { main, lenient: none } = await addressesOf(process);
    expect(none).toBeUndefined();
    const kept = await TlsConnection.open(main, first.cert);
    kept.send(rawRequest('GET /healthz', []));
    await until(async () => statusesIn(kept.received).length === 1);
    const told = performance.now();
    await expectEnds(process);
    expect(performance.now() - told).toBeLessThan(4000);
  });

  test('lets a request under way on the lenient listener end when it is told to', async () => {
    const process = serve({ ...lenient, ...certificate() });
    const connection = await TlsConnection.open((await addressesOf(process)).lenient ?? '', first.cert);
    const type = 'Content-Type: application/x-www-form-urlencoded';
    const lengths = ['Content-Length: 9', 'Transfer-Encoding: chunked'];
    connection.send(plainRequest('POST /Token', ['Host: a', type, ...lengths, 'Expect: 100-continue']));
    await until(async () => statusesIn(connection.received).includes(100));
    process.child.kill('SIGTERM');
    connection.send('a\r\ngrant_type\r\n0\r\n\r\n');
    expect(statusesIn(await connection.closed)).toEqual([100, 400]);
    expect(await process.ended).toMatchObject({ code: 0, signal: null });
  });

  test('refuses to start where a port is taken, and says which', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    // Listening on a port of TCP, it has an address of this form.
    const { port } = taken.address() as AddressInfo;
    for (const [name, env] of [
      ['TACET_LISTEN', { TACET_LISTEN: `127.0.0.1:${port}` }],
      ['TACET_LENIENT_LISTEN', { TACET_LENIENT_LISTEN: String(port) }],
    ] as const) {
      const ended = await serve(env).ended;
      expect(ended).toMatchObject({ code: 1, output: '' });
      expect(ended.errors).toContain(`tacet: ${name}: cannot listen on 127.0.0.1:${port}: somebody else does`);
    }
    await new Promise((resolve) => taken.close(resolve));
  });

  test('refuses a certificate that is of no use, names the setting, and opens nothing', async () => {
    const env = { TACET_TLS_CERT: first.certFile, TACET_TLS_KEY: second.keyFile };
    const ended = await serve(env, 'never-made').ended;
    expect(ended).toMatchObject({ code: 2, output: '' });
    expect(ended.errors).toMatch(/^tacet: TACET_TLS_KEY does not belong/);
    expect(ended.errors).not.toContain(folder);
    expect(existsSync(join(folder, 'never-made'))).toBe(false);
  });
});

describe('SIGHUP', () => {
  test('has a new certificate read, or the old one kept where the new one is of no use', async () => {
    const [certFile, keyFile] = [join(folder, 'live.crt'), join(folder, 'live.key')];
    const place = async (from: TestCertificate) => {
      await copyFile(from.certFile, certFile);
      await copyFile(from.keyFile, keyFile);
    };
    await place(first);
    const env = { TACET_TLS_CERT: certFile, TACET_TLS_KEY: keyFile, TACET_LENIENT_LISTEN: '0' };
    const process = serve(env);
    const { main, lenient = '' } = await addressesOf(process);
    const events = (event: string) =>
      process
        .errors()
        .split('\n')
        .filter((line) => line.includes(`"${event}"`));
    const hangUp = async (event: string, count: number) => {
      process.child.kill('SIGHUP');
      await until(async () => events(event).length === count);
    };
    const shown = async ({ cert }: TestCertificate) => {
      const connections = await Promise.all([main, lenient].map((origin) => TlsConnection.open(origin, cert)));
      for (const connection of connections) connection.close();
      return connections.map(({ peerName }) => peerName);
    };
    const standing = await TlsConnection.open(main, first.cert);

    await place(second);
    expect(await shown(first)).toEqual(['first.example', 'first.example']);
    await hangUp('tls.reloaded', 1);
    expect(await shown(second)).toEqual(['second.example', 'second.example']);

    await copyFile(first.keyFile, keyFile);
    await hangUp('tls.reload_failed', 1);
    await writeFile(certFile, 'nonsense');
    await hangUp('tls.reload_failed', 2);
    await rm(certFile);
    await hangUp('tls.reload_failed', 3);
    const failures = events('tls.reload_failed').map((line) => {
      const { time: _time, ...rest } = JSON.parse(line) as Record<string, unknown>;
      expect(rest).toMatchObject({ level: 'error', event: 'tls.reload_failed', code: 'config_invalid' });
      return [rest['problem'], rest['detail']];
    });
    expect(failures).toEqual([
      ['TACET_TLS_KEY does not belong to the first certificate in TACET_TLS_CERT', undefined],
      ['TACET_TLS_CERT holds no PEM certificate', expect.any(String)],
      ['TACET_TLS_CERT cannot be read', 'ENOENT'],
    ]);
    expect(process.errors()).not.toContain(folder);
    expect(await shown(second)).toEqual(['second.example', 'second.example']);

    await place(first);
    await hangUp('tls.reloaded', 2);
    expect(await shown(first)).toEqual(['first.example', 'first.example']);
    standing.send(health);
    expect(statusesIn(await standing.closed)).toEqual([200]);
    await expectEnds(process);
  });

  test('ends a server without TLS, as it ends any process', async () => {
    const process = serve({});
    await expectServes((await addressesOf(process)).main);
    process.child.kill('SIGHUP');
    expect(await process.ended).toMatchObject({ signal: 'SIGHUP' });
  });
});

describe('links of a server that listens on every address', () => {
  const unset = '"public_url.unset"';

  test('are warned of, unless it is told what its address is', async () => {
    for (const [env, isWarned] of [
      [{ TACET_LISTEN: '0.0.0.0:0' }, true],
      [{ TACET_LISTEN: '0.0.0.0:0', TACET_PUBLIC_URL: 'https://archive.example' }, false],
      [{}, false],
    ] as const) {
      const process = serve(env);
      await process.listening;
      expect(process.errors().includes(unset)).toBe(isWarned);
      await expectEnds(process);
    }
  });
});
