import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { readConfig } from '../../src/config.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { silentLog } from '../../src/lib/log.ts';
import { standingOf } from '../crash/invariants.ts';
import { archive, callerOf, type LifeCall, tenantSlug } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { formsOfIdentity } from './identity-text.ts';
import { takeFolder } from './loot.ts';
import { Machine } from './machine.ts';
import { rootKeysIn } from './vault-keys.ts';

const kept: LifeCall = { session: 'kept', phone: '+15125550100', bytes: 3000 };
const purged: LifeCall = { session: 'purged', phone: '+15125550101', bytes: 3000 };
const late: LifeCall = { session: 'late', phone: '+15125550102', bytes: 3000 };

/** Each waits for one or several processes. */
const testMsMax = 120_000;

const machine = new Machine();
/** The recovery key that is set first, and the one that takes its place. */
let [first, second] = ['', ''];

beforeAll(async () => {
  [first, second] = [await generateX25519Identity(), await generateX25519Identity()];
  await setRecoveryKey(first);
  await inArchive(async (engine, caller) => {
    for (const call of [kept, purged]) await archive(engine, caller, call);
  });
  await machine.json(['backup', backup('one')]);
  await inArchive(async (engine, caller) => await purgeCall(engine, caller, purged));
}, testMsMax);

afterAll(async () => await machine.end());

describe('a backup whose root key was locked away', () => {
  test.each([
    ['without an identity', () => undefined],
    ['with an identity of another recovery key', () => second],
    ['with the recipient in place of the identity', () => machine.env['TACET_RECOVERY_KEY']],
  ])(
    'is not restored %s: exit 2, the reason said, no file of home or vault touched',
    async (_how, given) => {
      await expectRefused('one', given());
    },
    testMsMax,
  );

  test(
    'is dead once the identity is lost, and that is all: the archive goes on, erasing and sealing, and takes new backups',
    async () => {
      await inArchive(async (engine, caller) => {
        expect(await standingOf(engine, caller, kept)).toBe('whole');
        await archive(engine, caller, late);
        await purgeCall(engine, caller, late);
        expect(await standingOf(engine, caller, late)).toBe('gone');
        const { rootKeys } = await engine.rootKeys.status();
        expect(rootKeys.filter(({ isNamed }) => isNamed)).toHaveLength(1);
        expect(rootKeys.every(({ isNamed, isLocked }) => isNamed !== isLocked)).toBe(true);
      });
      // The one that it names is still there as it is: until the next seal, no identity is asked for.
      await machine.json(['backup', backup('unsealed')]);
      await expectRestored('unsealed', undefined);
      await expectRefused('one', undefined);
    },
    testMsMax,
  );

  test(
    'is restored with the identity: what was erased since is erased again, and no unnamed key is left unlocked',
    async () => {
      await expectRestored('one', first);
      await inArchive(async (engine, caller) => {
        expect(await standingOf(engine, caller, kept)).toBe('whole');
        expect(await standingOf(engine, caller, purged)).toBe('gone');
        expect((await fsck(engine)).problems).toEqual([]);
      });
      await expectReadableKeys(1);
    },
    testMsMax,
  );
});

describe('a recovery key that is replaced', () => {
  beforeAll(async () => {
    await setRecoveryKey(second);
    await machine.json(['backup', backup('two')]);
    await inArchive(async (engine) => await engine.rootKeys.seal());
  }, testMsMax);

  test(
    'leaves older backups to the older identity and opens those taken since with the newer',
    async () => {
      await expectRefused('one', second);
      await expectRefused('two', first);
      await expectRestored('two', second);
      await expectReadableKeys(1);
    },
    testMsMax,
  );

  test(
    'needs no choice where a file has both identities',
    async () => {
      await expectRestored('one', `# both\n${first}\n\n${second}\n`);
      await expectReadableKeys(1);
    },
    testMsMax,
  );
});

describe('a recovery key that is taken away', () => {
  beforeAll(async () => {
    machine.set('TACET_RECOVERY_KEY', undefined);
    await machine.json(['backup', backup('three')]);
    await inArchive(async (engine) => await engine.rootKeys.seal());
  }, testMsMax);

  test(
    'unlocks nothing: older backups need their identity as before, and those taken since need none',
    async () => {
      const locked = lockedNames();
      await expectRefused('two', undefined);
      await expectRestored('three', undefined);
      expect(lockedNames()).toEqual(locked);
      await expectRestored('two', second);
      expect(lockedNames()).toEqual(locked);
    },
    testMsMax,
  );

  test(
    'locks away what has lain open meanwhile as soon as one is set again, at the first start',
    async () => {
      expect((await rootKeysIn(takeFolder(machine.vault), {})).length).toBeGreaterThan(1);
      await setRecoveryKey(first);
      await inArchive(async () => undefined);
      await expectReadableKeys(1);
    },
    testMsMax,
  );
});

test(
  'a locked root key dies at its horizon like any other: from then on no identity opens anything older',
  async () => {
    expect(lockedNames()).not.toEqual([]);
    await inArchive(async (engine) => await engine.rootKeys.expire(), { TACET_BACKUP_HORIZON: '0' });
    expect(lockedNames()).toEqual([]);
    expect(await machine.run(['restore', '--from', backup('two'), '--identity', identityFile()])).toMatchObject({
      code: exitCodes.expired,
      output: '',
    });
  },
  testMsMax,
);

test('an identity given to a restore is found nowhere afterwards: home, vault, backups, and all that was said', () => {
  const files = takeFolder(machine.folder).filter(({ path }) => path !== identityFile());
  const everything = [...files.map(({ bytes }) => bytes), ...machine.said.map((text) => Buffer.from(text))];
  for (const form of [first, second].flatMap(formsOfIdentity)) {
    expect(everything.some((bytes) => bytes.includes(form))).toBe(false);
  }
});

async function setRecoveryKey(identity: string): Promise<void> {
  machine.set('TACET_RECOVERY_KEY', await identityToRecipient(identity));
}

const backup = (name: string): string => machine.at('backups', name);
const identityFile = (): string => machine.at('identity');

async function restore(from: string, identity: string | undefined) {
  if (identity !== undefined) writeFileSync(identityFile(), `${identity}\n`);
  const given = identity === undefined ? [] : ['--identity', identityFile()];
  return await machine.run(['restore', '--from', backup(from), ...given, '--json']);
}

async function expectRestored(from: string, identity: string | undefined): Promise<void> {
  const { code, output, errors } = await restore(from, identity);
  expect(code, errors).toBe(0);
  expect(JSON.parse(output)).toMatchObject({ verified: true, itemsUnverified: 0 });
}

/** Nothing is changed, and the reason is said. */
async function expectRefused(from: string, identity: string | undefined): Promise<void> {
  const before = fingerprint();
  const { code, output, errors } = await restore(from, identity);
  expect({ code, output }, errors).toEqual({ code: 2, output: '' });
  expect(errors).toMatch(/identit/);
  expect(fingerprint()).toEqual(before);
}

/** Digests of every file of home and vault, by name. */
function fingerprint(): Record<string, string> {
  const files = [machine.home, machine.vault].flatMap(takeFolder);
  return Object.fromEntries(files.map(({ path, bytes }) => [path, createHash('sha256').update(bytes).digest('hex')]));
}

/** So many root keys can be read without an identity. Each other one can be with one of the identities. */
async function expectReadableKeys(count: number): Promise<void> {
  const vault = takeFolder(machine.vault);
  expect(await rootKeysIn(vault, {})).toHaveLength(count);
  const all = await rootKeysIn(vault, { identities: [first, second] });
  expect(all).toHaveLength(count + lockedNames().length);
}

function lockedNames(): string[] {
  return readdirSync(machine.vault)
    .filter((name) => name.startsWith('locked-'))
    .sort();
}

/** A process's work on the archive, from its start to its orderly end, all jobs done. */
async function inArchive(
  work: (engine: Engine, caller: Caller) => Promise<unknown>,
  env: Record<string, string> = {},
): Promise<void> {
  const app = await openApp(readConfig({ ...machine.env, ...env }), { log: silentLog });
  try {
    await app.prepare();
    const { engine } = app;
    const tenant =
      (await engine.store.reads.tenants.find({ slug: tenantSlug })) ??
      (await createTenant(engine, { slug: tenantSlug, region: 'US' }));
    app.startBackground(1);
    await work(engine, callerOf(tenant));
    await untilQuiet(engine);
  } finally {
    await app.close();
  }
}

async function purgeCall(engine: Engine, caller: Caller, { session }: LifeCall): Promise<void> {
  await purge(engine, caller, { by: 'sessions', ids: [session] }, { whatIf: false, waitMs: 10_000 });
  await untilQuiet(engine);
}
