import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlanClient } from '../support/plan-client.ts';
import { startTacet } from '../support/tacet-process.ts';

let app: TestApp;
let folder: string;
let receipt: string;
let erasureId: string;

/** A receipt as a server gave it, and its key set, carried to another machine as files. */
beforeAll(async () => {
  app = await startApp();
  folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
  const client = new PlanClient(app, await app.token());
  const { body: plan } = await client.plan({ calls: [await client.archive({ phone: '+15125550142' })] });
  await client.execute(plan);
  erasureId = plan.id;
  receipt = (await client.get(`/v1/erasures/${plan.id}/receipt`)).text;
  await writeFile(join(folder, 'receipt.jws'), `${receipt}\n`);
  await writeFile(join(folder, 'keys.json'), (await client.get('/.well-known/jwks.json')).text);
  await app.close();
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function verify(args: string[], input = '') {
  const env = { TACET_HOME: join(folder, 'no-home') };
  const ended = await startTacet(['receipt', 'verify', ...args], env, { input }).ended;
  expect((await readdir(folder)).filter((name) => name.startsWith('no-home'))).toEqual([]);
  return ended;
}

const at = (name: string) => join(folder, name);

describe('`tacet receipt verify`', () => {
  test('ends with 0 for a receipt that is valid, says in words what it proves and what not, and makes no archive', async () => {
    const { code, output, errors } = await verify([at('receipt.jws'), '--keys', at('keys.json')]);
    expect([code, errors]).toEqual([0, '']);
    const [proves = '', doesNotProve = ''] = output.split('It does not prove:');
    expect(proves).toMatch(/^valid\n\nIt proves:\n- /);
    expect(proves).toContain(`erasure ${erasureId} (purge)`);
    expect(doesNotProve).toContain('a downloaded file');
  });

  test('says the same as one JSON document, of standard input too', async () => {
    const { code, output } = await verify(['-', '--keys', at('keys.json'), '--json'], receipt);
    expect(code).toBe(0);
    const said = JSON.parse(output);
    expect(said).toMatchObject({ valid: true, claims: { sub: erasureId, state: 'completed' } });
    expect(Object.keys(said).sort()).toEqual(['claims', 'doesNotProve', 'kid', 'proves', 'valid']);
  });

  test('ends with 1 for one that was changed, and for one that another key has signed', async () => {
    const [header, payload = '', signature] = receipt.split('.');
    const changed = Buffer.from(payload, 'base64url').toString().replace('"erased":1', '"erased":9');
    const forged = `${header}.${Buffer.from(changed).toString('base64url')}.${signature}`;
    const found = await verify(['-', '--keys', at('keys.json'), '--json'], forged);
    expect(found.code).toBe(1);
    expect(JSON.parse(found.output)).toEqual({ valid: false, fault: 'signature', meaning: expect.any(String) });
    await writeFile(at('other.json'), JSON.stringify({ keys: [publicJwk(generateKeyPairSync('ed25519').publicKey)] }));
    const strange = await verify([at('receipt.jws'), '--keys', at('other.json')]);
    expect([strange.code, strange.output]).toEqual([
      1,
      'not valid: the key that it names is not among the given ones\n',
    ]);
  });

  test.each<[string, string[]]>([
    ['a receipt that is not there', ['missing.jws', '--keys', 'keys.json']],
    ['a key set that is not there', ['receipt.jws', '--keys', 'missing.json']],
    ['a key set that is none', ['receipt.jws', '--keys', 'receipt.jws']],
    ['no key set', ['receipt.jws']],
  ])('ends with 2 and says nothing on standard output for %s', async (_what, args) => {
    const files = args.map((arg) => (arg.includes('.') ? at(arg) : arg));
    const ended = await verify(files);
    expect(ended).toMatchObject({ code: 2, output: '' });
    expect(ended.errors).not.toContain(folder);
  });
});

function publicJwk(key: KeyObject): object {
  return key.export({ format: 'jwk' });
}
