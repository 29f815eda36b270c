/**
 * One of several processes that work on one key tree: `URL VAULT NOTES MS`. Until so many ms have passed it issues slots and
 * seals something under each, destroys some, opens others, seals the root, and ends reservations, all side by side. It
 * expects every slot of its own to open with its key for as long as it has not destroyed it.
 */
import { once } from 'node:events';
import { journalEntry } from '../../src/keys/journal-entries.ts';
import { KeyTree } from '../../src/keys/key-tree.ts';
import { RootKeys } from '../../src/keys/root-keys.ts';
import { sealBytes } from '../../src/keys/sealing.ts';
import { endReservations, SlotIssuer } from '../../src/keys/slot-issuer.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { newId } from '../../src/lib/ids.ts';
import { openPostgresStore } from '../../src/store/open-postgres.ts';
import { FileVault } from '../../src/vault/file-vault.ts';
import { openFolder } from '../../src/vault/folder.ts';
import { recorderOf, textOf } from './recording.ts';
import { contextOf, horizonMs, shape } from './shared-tree.ts';

const [url = '', vaultFolder = '', notes = '', ms = ''] = process.argv.slice(2);
const lanes = 3;
/** So short that reservations end under those who use them. */
const leaseMs = 300;

const recorder = recorderOf(notes, shape.levels - 1);
const store = openPostgresStore({ url });
const keyStore = recorder.keyStore(store.keyStore);
const vault = new FileVault({ folders: [openFolder(vaultFolder)] });
const tree = new KeyTree({ store: keyStore, vault, clock, shape, crypto: recorder.crypto });
const rootKeys = new RootKeys({ store: keyStore, vault, tree, clock, horizonMs });
const owner = `process ${process.pid}`;
const issuer = new SlotIssuer({ store: keyStore, tree, clock, owner, leaseMs });

type Own = { slot: number; key: Buffer };
const own: Own[] = [];
const times: Record<string, number> = {};

const below = (count: number) => Math.floor(Math.random() * count);

/** Some of our own slots, which nobody else of this process touches until they are back. */
function takeSome(count: number): Own[] {
  return Array.from({ length: Math.min(count, own.length) }, () => own.splice(below(own.length), 1)).flat();
}

async function issue(): Promise<void> {
  const ownerId = newId(clock.now());
  const slots = await issuer.withSlots(1 + below(4), async (taken) => {
    await store.write(async (tx) => {
      await tx.artifacts.insert(
        taken.map((slot) => {
          return { slot, tenantId: null, ownerId, kind: 'details', sealed: null, blob: null, blobBytes: null };
        }),
      );
      await issuer.confirm(recorder.keyTx(tx.keys), taken);
    });
    return taken;
  });
  for (const slot of slots) {
    const key = await tree.keyOf(slot);
    const plain = Buffer.from(`what lies under slot ${slot}`);
    const sealed = sealBytes(key, contextOf(ownerId), plain);
    recorder.note({ is: 'use', key: textOf(key), sealed: textOf(sealed), plain: textOf(plain) });
    recorder.note({ is: 'artifact', slot, ownerId, key: textOf(key), sealed: textOf(sealed) });
    await store.write(async (tx) => await tx.artifacts.setSealed(slot, { sealed }));
    own.push({ slot, key });
  }
}

async function destroy(): Promise<void> {
  const slots = takeSome(1 + below(5))
    .map(({ slot }) => slot)
    .sort((a, b) => a - b);
  if (slots.length === 0) return;
  await store.write(async (tx) => {
    await tx.artifacts.deleteSlots(slots);
    const keys = recorder.keyTx(tx.keys);
    const killed = await tree.destroy(keys, slots);
    if (killed.length !== slots.length) throw new Error(`of ${slots} only ${killed} were alive`);
    await keys.appendJournal([journalEntry('slots_replaced', clock.now(), { slots: killed })]);
  });
  recorder.note({ is: 'destroyed', slots });
  for (const slot of slots) {
    if ((await tree.open(slot)).kind !== 'destroyed') throw new Error(`slot ${slot} is not destroyed`);
  }
}

async function open(): Promise<void> {
  const some = takeSome(3);
  for (const { slot, key } of some) {
    if (!(await tree.keyOf(slot)).equals(key)) throw new Error(`slot ${slot} has another key`);
  }
  own.push(...some);
}

async function endOverdue(): Promise<void> {
  await endReservations(keyStore, tree, clock, { endedBy: clock.now() });
}

const deeds: [name: string, share: number, deed: () => Promise<unknown>][] = [
  ['issue', 40, issue],
  ['destroy', 25, destroy],
  ['open', 28, open],
  ['seal', 4, async () => await rootKeys.seal()],
  ['expire', 1, async () => await rootKeys.expire()],
  ['end', 2, endOverdue],
];

async function lane(until: number): Promise<void> {
  while (clock.now() < until) {
    let left = below(deeds.reduce((sum, [, share]) => sum + share, 0));
    const chosen = deeds.find(([, share]) => {
      left -= share;
      return left < 0;
    });
    if (chosen === undefined) throw new Error('nothing to do');
    await chosen[2]();
    times[chosen[0]] = (times[chosen[0]] ?? 0) + 1;
  }
}

await store.migrate();
await rootKeys.ready(newId(clock.now()));
process.send?.('ready');
await once(process, 'message');
const until = clock.now() + Number(ms);
await Promise.all(Array.from({ length: lanes }, () => lane(until)));
await issuer.close();
recorder.note({ is: 'done', times });
recorder.flush();
await store.close();
process.disconnect();
