import { readFileSync } from 'node:fs';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { parsePhoneNumberWithError } from 'libphonenumber-js/max';
import { beforeAll, describe, expect, test } from 'vitest';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { archive } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { minuteMs, startTimed, type TimedArchive } from '../faults/timed-archive.ts';
import { attack } from './attack.ts';
import { Enumeration, type Found, type Guess } from './enumeration.ts';
import { keptAs, lootOf, type TakenFile, takeFolder } from './loot.ts';
import { rootKeysIn } from './vault-keys.ts';

const horizonMinutes = 60;
const setUpMsMax = 120_000;

type Sample = { customer: string; info: { sessionId: string; contacts: { type: string; phoneNumber: string }[] } };

// Our own file; its shape is checked in samples.test.ts.
const samples = JSON.parse(
  readFileSync(new URL('../../../../samples/calls.json', import.meta.url), 'utf8'),
) as Sample[];
const numberOf = ({ info }: Sample): string => info.contacts.find(({ type }) => type === 'customer')?.phoneNumber ?? '';
const e164 = (number: string): string => parsePhoneNumberWithError(number, 'US').number;

const numbersOf = (...customers: string[]): string[] => {
  const theirs = samples.filter(({ customer }) => customers.includes(customer));
  return [...new Set(theirs.map((sample) => e164(numberOf(sample))))].sort();
};
/** Purged; purged after a hold on their number was released; depersonalized. */
const erased = numbersOf('card', 'claim', 'invoice');
/** Under a hold, or not. */
const living = numbersOf('parcel', 'clinic', 'internet');
const both = [...erased, ...living].sort();

/** Every number of every exchange that a sample's customer has one in, in each form that its digits may be given in. */
const space = [...new Set(both.map((number) => number.slice(0, -4)))].flatMap((exchange) =>
  Array.from({ length: 10_000 }, (_, line): Guess => {
    const label = `${exchange}${String(line).padStart(4, '0')}`;
    const national = label.slice(label.startsWith('+1') ? 2 : 3);
    return { label, kind: 'phone', values: [label, label.slice(1), national, `0${national}`] };
  }),
);

type Moment = 'at once' | 'epoch nearly due' | 'epoch turned' | 'two horizons nearly over' | 'two horizons over';
type Sight = { numbers: Found; sessions: Found };

/**
 * Calls are archived and some erased at once, as early in their epoch as can be; then time passes. Copies of the home are
 * kept from before and after each step. What can be found is looked at at every moment, with the vault and the home as
 * they are then.
 */
async function sightsOf(env: Record<string, string>): Promise<Map<Moment, Sight>> {
  const timed = await startTimed({ TACET_BACKUP_HORIZON: `${horizonMinutes}m`, ...env });
  const { app, upkeep } = timed;
  const copies: TakenFile[] = [];
  const keepCopy = () => copies.push(...keptAs(`copy ${copies.length}`, takeFolder(app.config.home)));
  const sessions = samples.map(({ info }): Guess => {
    return { label: info.sessionId, kind: 'session', values: [info.sessionId] };
  });
  const [byNumber, bySession] = [new Enumeration(space), new Enumeration(sessions)];
  const sights = new Map<Moment, Sight>();
  const look = async (moment: Moment) => {
    const vault = app.config.keysDirs.flatMap((folder) => takeFolder(folder));
    const loot = lootOf([...takeFolder(app.config.home), ...vault, ...copies]);
    const opened = attack(loot, await rootKeysIn(vault, {}), 'entries');
    sights.set(moment, { numbers: byNumber.find(loot, opened), sessions: bySession.find(loot, opened) });
  };

  await eraseEarly(timed, keepCopy);
  await look('at once');
  timed.lapse((horizonMinutes - 1) * minuteMs);
  await upkeep.once();
  expect(await epochOf(timed)).toBe(1);
  keepCopy();
  await look('epoch nearly due');
  timed.lapse(minuteMs);
  await sealedAfter(timed, async () => await upkeep.once());
  expect(await epochOf(timed)).toBe(2);
  await look('epoch turned');
  timed.lapse((horizonMinutes - 1) * minuteMs);
  await upkeep.once();
  await look('two horizons nearly over');
  timed.lapse(minuteMs);
  await upkeep.once();
  await look('two horizons over');
  await timed.endAtRest();
  return sights;
}

async function eraseEarly(timed: TimedArchive, keepCopy: () => void): Promise<void> {
  const { engine, caller } = timed.app;
  const callIds = new Map<string, string>();
  for (const sample of samples) {
    const call = { session: sample.info.sessionId, phone: numberOf(sample), bytes: 500 };
    callIds.set(call.session, (await archive(engine, caller(), call)).callId);
  }
  keepCopy();
  const open = { callIds: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
  const holdOn = async (customer: string) =>
    await placeHold(engine, caller(), {
      ...open,
      identifiers: [{ kind: 'phone', value: numbersOf(customer)[0] ?? '' }],
    });
  await holdOn('clinic');
  const released = await holdOn('claim');
  keepCopy();
  await releaseHold(engine, caller(), released.id);
  await sealedAfter(timed, async () => {
    for (const phone of numbersOf('card', 'claim')) {
      await purge(engine, caller(), { by: 'customer', phones: [phone], emails: [] }, { whatIf: false, waitMs: 10_000 });
    }
    const invoices = samples.filter(({ customer }) => customer === 'invoice');
    const ids = invoices.map(({ info }) => callIds.get(info.sessionId) ?? '');
    const asked = { action: 'depersonalize', keepRecording: true, callIds: ids } as const;
    await (await eraseNow(engine, caller(), asked))?.ended;
    await untilQuiet(engine);
  });
  keepCopy();
}

/** Does something and waits until a seal has come after it. */
async function sealedAfter({ app }: TimedArchive, work: () => Promise<unknown>): Promise<void> {
  await work();
  await app.engine.sealer.sealed();
}

async function epochOf({ app }: TimedArchive): Promise<number | undefined> {
  const epochs = await app.engine.store.reads.tokens.epochs(app.tenant.id);
  return epochs.length === 1 ? epochs[0]?.number : undefined;
}

const seen = (sights: Map<Moment, Sight>, moment: Moment): Sight => {
  const sight = sights.get(moment);
  if (sight === undefined) throw new Error('nobody looked then');
  return sight;
};

describe('every number of every exchange, tried on all that a machine and old copies of its home hold', () => {
  let sights: Map<Moment, Sight>;

  beforeAll(async () => {
    sights = await sightsOf({});
  }, setUpMsMax);

  test('finds the erased ones as long as the key of their epoch can still be had: in old copies, journal and vault too', () => {
    for (const moment of ['at once', 'epoch nearly due', 'epoch turned', 'two horizons nearly over'] as const) {
      const { numbers } = seen(sights, moment);
      expect({ moment, token: numbers.token, bytes: numbers.bytes }).toEqual({ moment, token: both, bytes: both });
      for (const where of ['journal', 'vault'] as const) expect(numbers[where]).toEqual(numbersOf('claim', 'clinic'));
    }
  });

  test('finds none of them two horizons after their erasure: one until the epoch turns, one until its last root key dies', () => {
    const { numbers } = seen(sights, 'two horizons over');
    expect({ token: numbers.token, bytes: numbers.bytes }).toEqual({ token: living, bytes: living });
    expect([numbers.journal, numbers.vault]).toEqual([[], []]);
  });

  test('never finds one in tombstones or audit rows, which hold sessions at most', () => {
    for (const [moment, { numbers, sessions }] of sights) {
      expect({ moment, found: [numbers.tombstone, numbers.audit, sessions.audit] }).toEqual({
        moment,
        found: [[], [], []],
      });
    }
  });

  test('reads tombstones as what they are, pseudonyms: who knows a session id recognises it while the tombstone stays', () => {
    const purged = samples.filter(({ customer }) => ['card', 'claim'].includes(customer));
    expect(seen(sights, 'two horizons over').sessions.tombstone).toEqual(
      purged.map(({ info }) => info.sessionId).sort(),
    );
  });
});

describe('the same where a recovery key is set', () => {
  let sights: Map<Moment, Sight>;

  beforeAll(async () => {
    const recipient = await identityToRecipient(await generateX25519Identity());
    sights = await sightsOf({ TACET_RECOVERY_KEY: recipient });
  }, setUpMsMax);

  test('finds the erased ones until their epoch turns, since its key lives, and none from the next seal on', () => {
    for (const moment of ['at once', 'epoch nearly due'] as const) {
      expect(seen(sights, moment).numbers.token).toEqual(both);
    }
    for (const moment of ['epoch turned', 'two horizons nearly over', 'two horizons over'] as const) {
      const { numbers } = seen(sights, moment);
      expect({ moment, token: numbers.token, bytes: numbers.bytes }).toEqual({ moment, token: living, bytes: living });
      expect([numbers.journal, numbers.vault, numbers.tombstone, numbers.audit]).toEqual([[], [], [], []]);
    }
  });
});
