/** What a backup is worth to somebody who has no vault. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LifeCall } from '../crash/life.ts';
import { purgeAll, Stage } from '../restore/stage.ts';
import { attack, keysByForce } from '../seized/attack.ts';
import { keptAs, type Loot, lootOf, type TakenFile, takeFolder } from '../seized/loot.ts';
import { rootKeysIn } from '../seized/vault-keys.ts';

const kept: LifeCall = { session: 'kept', phone: '+15125550100', bytes: 900, hasTranscript: true };
const erased: LifeCall = { session: 'erased', phone: '+15125550101', bytes: 900, hasTranscript: true };

const stage = new Stage();
let files: TakenFile[];
let loot: Loot;

beforeAll(async () => {
  await stage.process(async (at) => await stage.archive(at, kept, erased));
  files = keptAs('before', takeFolder(stage.config.home));
  await stage.process(async (at) => await purgeAll(at, { by: 'calls', ids: [stage.idOf(erased)] }));
  files = [...files, ...takeFolder(stage.config.home)];
  loot = lootOf(files);
});
afterAll(() => stage.end());

describe('whole copies of a home, before an erasure and after it', () => {
  test('open nothing without the vault, living or erased, whatever 32 bytes of them are tried as a key', () => {
    expect(keysByForce(files, loot)).toEqual([]);
    expect(attack(loot, [], 'every')).toMatchObject({ tops: { opened: 0 }, sealings: [] });
  });

  test('open with it, so that the attempt above means something', async () => {
    const keys = await rootKeysIn(takeFolder(`${stage.config.home}-keys`), {});
    const opened = new Set(attack(loot, keys, 'entries').sealings.map(({ context }) => context.ownerId));
    expect([kept, erased].map((call) => opened.has(stage.idOf(call)))).toEqual([true, true]);
  });
});
