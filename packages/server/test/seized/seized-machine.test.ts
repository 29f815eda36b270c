import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { attack, keysByForce, type Opened } from './attack.ts';
import { formsOfIdentity } from './identity-text.ts';
import { type Loot, lootOf, type TakenFile, takeFolder } from './loot.ts';
import { Machine, setMasterKey } from './machine.ts';
import { type InHand, rootKeysIn } from './vault-keys.ts';

/** Starting processes on a busy machine. */
const lifeMsMax = 150_000;

/** In the order of their erasure; the last one after the last seal. */
const erased = ['first', 'second', 'late', 'unsealed'];
const living = ['kept', 'later'];
const all = [...erased, ...living].sort();

/**
 * Calls come and go with a seal after every purge, and the home is copied at many moments: with what is in its
 * write-ahead log, beside a server that runs. A server that comes after one that was killed takes a leaf of its own. The
 * last one is killed when it begins the seal of the last erasure. Answers the vault as it was before the first seal.
 */
async function live(machine: Machine): Promise<TakenFile[]> {
  await machine.found();
  const before = await machine.serve();
  await machine.archive(before, 'first', 'second', 'kept');
  await machine.copyHome();
  const vaultInTime = takeFolder(machine.vault);
  await machine.json(['backup', machine.at('backups', 'one')]);
  await machine.purge(before, 'first');
  await machine.kill();
  await machine.copyHome();
  const after = await machine.serve();
  await machine.archive(after, 'late', 'later');
  await machine.copyHome();
  await machine.purge(after, 'second');
  await machine.purge(after, 'late');
  await machine.kill();
  const last = await machine.serve({ TACET_FAULT: 'seal:begun' });
  await machine.archive(last, 'unsealed');
  await machine.copyHome();
  // Answered or not: it is shredded before anybody seals.
  await last.purge('/sessions', { ids: ['unsealed'] }).catch(() => undefined);
  await machine.untilDead();
  return vaultInTime;
}

/** Calls, by session, of which anything opened, and those of which everything did that any copy of the home holds. */
function sessionsOpened(machine: Machine, loot: Loot, opened: Opened): { any: string[]; whole: string[] } {
  const count = (sealings: readonly { context: { ownerId: string } }[], id: string) =>
    sealings.filter(({ context }) => context.ownerId === id).length;
  const sessions = [...machine.callIds.keys()].sort();
  const any = sessions.filter((session) => count(opened.sealings, machine.idOf(session)) > 0);
  const whole = any.filter((session) => {
    const id = machine.idOf(session);
    return count(opened.sealings, id) === count(loot.sealings, id);
  });
  return { any, whole };
}

/** What opened says what it was given to keep. */
function expectSpeaks(machine: Machine, opened: Opened, session: string): void {
  const ofCall = opened.sealings.filter(({ context }) => context.ownerId === machine.idOf(session));
  expect(ofCall.map(({ context }) => context.kind).sort()).toEqual([
    'correlation',
    'details',
    'recording',
    'recording-facts',
  ]);
  const correlation = ofCall.find(({ context }) => context.kind === 'correlation');
  expect(correlation?.plain.toString()).toContain(session);
}

/** Machines that have lived side by side: most of a life is waiting for processes to start. */
const [keyed, unkeyed] = [new Machine(), new Machine()];
let identity: string;
let masterKey: Buffer;
let keyedVaultInTime: TakenFile[];

beforeAll(async () => {
  identity = await generateIdentity();
  keyed.set('TACET_RECOVERY_KEY', await identityToRecipient(identity));
  masterKey = setMasterKey(keyed);
  [keyedVaultInTime] = await Promise.all([live(keyed), live(unkeyed)]);
}, lifeMsMax);

afterAll(async () => await Promise.all([keyed.end(), unkeyed.end()]));

describe('a machine taken by somebody with every older copy of its home', () => {
  describe('where a recovery key is set', () => {
    const machine = keyed;
    let files: TakenFile[];
    let loot: Loot;
    let inHand: InHand;

    beforeAll(() => {
      inHand = { masterKey };
      files = machine.seize();
      loot = lootOf(files);
    });

    test('opens no call erased before the last seal began; opens one erased after it, and of what lives everything', async () => {
      const keys = await rootKeysIn(files, inHand);
      expect(keys).toHaveLength(1);
      expect(keysByForce(files, loot)).toEqual([]);
      const opened = attack(loot, keys, 'every');
      expect(opened.tops.opened).toBeGreaterThan(0);
      expect(opened.tops.opened).toBeLessThan(opened.tops.all / 2);
      const readable = [...living, 'unsealed'];
      expect(sessionsOpened(machine, loot, opened)).toEqual({ any: readable, whole: readable });
      for (const session of readable) expectSpeaks(machine, opened, session);
    });

    test('opens what was erased within the horizon with the identity in hand too', async () => {
      const opened = attack(loot, await rootKeysIn(files, { ...inHand, identities: [identity] }), 'entries');
      expect(sessionsOpened(machine, loot, opened)).toEqual({ any: all, whole: all });
      for (const session of erased) expectSpeaks(machine, opened, session);
    });

    test('opens with a copy of the vault made in time what it could open then, and no call of a leaf born after the next seal', async () => {
      const opened = attack(loot, await rootKeysIn([...files, ...keyedVaultInTime], inHand), 'entries');
      expect(sessionsOpened(machine, loot, opened).any).toEqual(all.filter((session) => session !== 'late'));
    });

    test('finds the identity nowhere: not in the home, the vault, a backup, the environment or a log', () => {
      const everything = [...files.map(({ bytes }) => bytes), ...machine.said.map((text) => Buffer.from(text))];
      for (const form of formsOfIdentity(identity)) {
        expect(everything.filter((bytes) => bytes.includes(form))).toEqual([]);
      }
    });
  });

  describe('where none is set', () => {
    const machine = unkeyed;
    let files: TakenFile[];
    let loot: Loot;

    beforeAll(() => {
      files = machine.seize();
      loot = lootOf(files);
    });

    test('opens what was erased within the horizon, by trying every window of every file and nothing else', async () => {
      const keys = keysByForce(files, loot);
      const opened = attack(loot, keys, 'entries');
      expect(sessionsOpened(machine, loot, opened)).toEqual({ any: all, whole: all });
      expect(opened.tops.opened).toBe(opened.tops.all);
      const byReading = (await rootKeysIn(files, {})).map(hex);
      expect(byReading).toEqual(expect.arrayContaining(keys.map(hex)));
    });

    test(
      'opens nothing of it once the horizon has passed, as if one were set',
      async () => {
        const horizon = { TACET_BACKUP_HORIZON: '1s' };
        await machine.copyHome();
        const first = (await machine.json(['keys', 'seal'], horizon)) as { sealedAt: string };
        await until(async () => Date.now() > Date.parse(first.sealedAt) + 1000);
        await machine.json(['keys', 'seal'], horizon);
        const later = machine.seize();
        const now = lootOf(later);
        const keys = [...(await rootKeysIn(later, {})), ...keysByForce(later, now)];
        expect(sessionsOpened(machine, now, attack(now, keys, 'every'))).toEqual({ any: living, whole: living });
      },
      lifeMsMax,
    );
  });
});

function hex(key: Buffer): string {
  return key.toString('hex');
}
