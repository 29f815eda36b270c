import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { KeyTree } from '../src/keys/key-tree.ts';
import { associatedDataOf, keyBytes, nodeKeyCrypto, pathOf, standardShape, topPlace } from '../src/keys/page.ts';
import { RootKeys } from '../src/keys/root-keys.ts';
import { systemClock } from '../src/lib/clock.ts';
import { newId } from '../src/lib/ids.ts';
import type { PagePlace } from '../src/model/key-store.ts';
import type { Store } from '../src/model/store.ts';
import { openSqliteStore } from '../src/store/store.ts';
import { FileVault } from '../src/vault/file-vault.ts';
import { openFolder } from '../src/vault/folder.ts';
import type { Bench } from './lib/benchmark.ts';
import { checkpointPlain, openPlainDatabase } from './lib/plain-database.ts';
import { Random } from './lib/random.ts';
import { median, timeMs } from './lib/timing.ts';

/** Leaves born in one transaction while the tree is made. */
const leavesPerCommit = 256;
const opens = 1000;
const boundOfDestroy = 1.5;

type Tree = { store: Store; tree: KeyTree; rootKeys: RootKeys };

/**
 * The key tree alone, in a database of its own: destroys beside a loop that seals and writes as many pages, in the same
 * places of a copy of the same file, in one transaction. The loop neither reads nor opens what it overwrites.
 */
export async function benchKeyTree(bench: Bench): Promise<void> {
  const { sizes } = bench;
  const file = join(bench.folder, 'db', 'tree.sqlite');
  const on = await openTree(bench, file);
  await bearSlots(on, sizes.slots);
  await on.store.checkpoint();
  const copy = join(bench.folder, 'bare.sqlite');
  await copyFile(file, copy);
  const bare = openPlainDatabase(copy);
  try {
    const picks = new Picks(sizes.slots, sizes.destroyed[1] * (sizes.repetitions + 1));
    const [fewer, more] = sizes.destroyed;
    await compareDestroy(bench, on, bare, 'destroy 1', () => picks.scattered(1));
    await compareDestroy(bench, on, bare, `destroy ${fewer} scattered`, () => picks.scattered(fewer));
    await compareDestroy(bench, on, bare, `destroy ${more} scattered`, () => picks.scattered(more));
    await compareDestroy(bench, on, bare, `destroy ${more} adjacent`, () => picks.adjacent(more));
    await measureOpen(bench, on.tree);
    await measureSeal(bench, on);
  } finally {
    bare.close();
    await on.store.close();
  }
}

async function openTree(bench: Bench, file: string): Promise<Tree> {
  const store = await openSqliteStore({ file });
  await store.migrate();
  const keysFolder = join(bench.folder, 'keys');
  await mkdir(keysFolder, { mode: 0o700 });
  const vault = new FileVault({ folders: [openFolder(keysFolder)] });
  const tree = new KeyTree({ store: store.keyStore, vault, clock: systemClock });
  const rootKeys = new RootKeys({ store: store.keyStore, vault, tree, clock: systemClock, horizonMs: 0 });
  await rootKeys.ready(newId(systemClock.now()));
  return { store, tree, rootKeys };
}

async function bearSlots({ store, tree }: Tree, slots: number): Promise<void> {
  const leaves = Math.ceil(slots / standardShape.fanOut);
  for (let born = 0; born < leaves; born += leavesPerCommit) {
    await store.keyStore.write(async (tx) => {
      for (let leaf = born; leaf < Math.min(leaves, born + leavesPerCommit); leaf += 1) await tree.bear(tx);
    });
  }
}

/** Slots not destroyed before: scattered ones from the front of the tree, adjacent ones from its end. */
class Picks {
  readonly #shuffled: Uint32Array;
  #taken = 0;
  #end: number;

  constructor(slots: number, adjacent: number) {
    this.#end = slots;
    this.#shuffled = new Random(1).shuffled(slots - adjacent);
  }

  scattered(count: number): number[] {
    this.#taken += count;
    const picked = [...this.#shuffled.subarray(this.#taken - count, this.#taken)];
    if (picked.length !== count) throw new Error('the tree is too small for so many repetitions');
    return picked;
  }

  adjacent(count: number): number[] {
    this.#end -= count;
    return Array.from({ length: count }, (_, i) => this.#end + i);
  }
}

/** One repetition warms both sides up and is not counted. Both logs are emptied before each, outside the clock. */
async function compareDestroy(
  bench: Bench,
  on: Tree,
  bare: Database.Database,
  name: string,
  pick: () => number[],
): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round <= bench.sizes.repetitions; round += 1) {
    const slots = pick();
    await on.store.checkpoint();
    const oursMs = await timeMs(() => on.store.keyStore.write(async (tx) => await on.tree.destroy(tx, slots)));
    const loop = bareLoop(bare, placesOf(slots));
    checkpointPlain(bare);
    const theirsMs = await timeMs(loop);
    if (round === 0) continue;
    ours.push(oursMs);
    theirs.push(theirsMs);
  }
  bench.report({
    benchmark: 'key-tree',
    name,
    unit: 'ms',
    value: median(ours),
    baseline: median(theirs),
    goal: { of: 'ratio', is: 'at most', bound: boundOfDestroy },
  });
}

/** Every page that destroying these slots rewrites, the topmost one left out. */
function placesOf(slots: readonly number[]): PagePlace[] {
  const places = new Map<string, PagePlace>();
  for (const leaf of new Set(slots.map((slot) => Math.floor(slot / standardShape.fanOut)))) {
    for (const place of pathOf(leaf, standardShape)) places.set(`${place.level}/${place.index}`, place);
  }
  return [...places.values()].sort((a, b) => a.level - b.level || a.index - b.index);
}

/** Seals and writes these pages and the topmost one in one transaction, all under one key. */
function bareLoop(database: Database.Database, places: readonly PagePlace[]): () => void {
  const key = nodeKeyCrypto.random(keyBytes);
  const plain = nodeKeyCrypto.random(standardShape.fanOut * keyBytes);
  const upsert = database.prepare(
    'INSERT INTO key_page (place, sealed) VALUES (?, ?) ON CONFLICT (place) DO UPDATE SET sealed = excluded.sealed',
  );
  const top = database.prepare('UPDATE archive SET page = ? WHERE one = 1');
  return database.transaction(() => {
    for (const place of places) {
      upsert.run(place.level * 2 ** 40 + place.index, nodeKeyCrypto.seal(key, associatedDataOf(place), plain));
    }
    top.run(nodeKeyCrypto.seal(key, associatedDataOf(topPlace(standardShape)), plain));
  }).immediate;
}

async function measureOpen(bench: Bench, tree: KeyTree): Promise<void> {
  const random = new Random(2);
  const cold: number[] = [];
  const warm: number[] = [];
  for (let round = 0; round < opens; round += 1) {
    const slot = random.below(bench.sizes.slots);
    tree.dropCaches();
    cold.push(await timeMs(() => tree.open(slot)));
    warm.push(await timeMs(() => tree.open(slot)));
  }
  const common = { benchmark: 'key-tree', unit: 'us' };
  bench.report({ ...common, name: 'open a random slot, nothing cached', value: median(cold) * 1000 });
  bench.report({ ...common, name: 'open a slot, its parent page cached', value: median(warm) * 1000 });
}

async function measureSeal(bench: Bench, { rootKeys }: Tree): Promise<void> {
  const seals: number[] = [];
  for (let round = 0; round <= bench.sizes.repetitions; round += 1) seals.push(await timeMs(() => rootKeys.seal()));
  bench.report({ benchmark: 'key-tree', name: 'seal', unit: 'ms', value: median(seals.slice(1)) });
}
