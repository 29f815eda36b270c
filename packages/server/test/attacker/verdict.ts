import { openBytes } from '../../src/keys/sealing.ts';
import { encryptCores, tokenCore } from '../../src/keys/token-cipher.ts';
import { type Closure, closureOf, type Loot } from './attacker.ts';
import { contextOf } from './forced-closure.ts';
import { nameOf } from './ledger.ts';
import type { Row } from './memory-state.ts';
import { indexOwner } from './operations.ts';
import { SimulatedProcess } from './process.ts';
import type { Instance } from './truth.ts';
import { phoneSpace, type World } from './world.ts';

/** How often the verdict had something to say: a test that demands nothing proves nothing. */
export type Tally = {
  live: number;
  stillOpen: number;
  dead: number;
  /** Those of the dead whose root keys were locked away, horizon or not. */
  locked: number;
  tokensRead: number;
  tokensDead: number;
};

/** What the attacker holds at the end: all that was ever written, the vault as it is, and what he seized before. */
export function lootOf(world: World): Loot {
  const inTheClear = world.vaultDisks
    .flatMap((disk) => disk.records)
    .filter(({ name }) => !name.startsWith('key-'))
    .map(({ bytes }) => bytes);
  return { ledger: world.ledger, files: [...inTheClear, ...world.vaultFiles(), ...seized(world)] };
}

/** Compares what the attacker reads with what DESIGN section 3 permits, and notes findings in the world. */
export async function judge(world: World): Promise<Tally> {
  const tally: Tally = { live: 0, stillOpen: 0, dead: 0, locked: 0, tokensRead: 0, tokensDead: 0 };
  const closure = closureOf(lootOf(world), world.oracle);
  judgeArtifacts(world, closure, tally);
  judgeLiving(world, closure);
  judgeTokens(world, closure, tally);
  world.scheduler.isOpen = true;
  const onlooker = new SimulatedProcess(world);
  // A copy put back is opened by a restore, which is given the identity; nobody else may need it.
  onlooker.hasIdentity = world.mustRefuse;
  await judgeRows(world, onlooker);
  if (!world.mustRefuse) {
    await judgeSlots(world, onlooker);
    await judgeStoredTokens(world, onlooker);
  }
  return tally;
}

function judgeArtifacts(world: World, closure: Closure, tally: Tally): void {
  const read = new Set<string>();
  for (const record of world.ledger.artifacts) {
    if (closure.opened.has(nameOf(record.sealed))) read.add(record.instance);
  }
  const written = new Set(world.ledger.artifacts.map((record) => record.instance));
  for (const instance of world.truth.instances.values()) {
    const row = liveRow(world, instance);
    if (row !== undefined) {
      tally.live += 1;
    } else if (isDead(world, instance)) {
      if (written.has(instance.name)) {
        tally.dead += 1;
        if (world.recovery !== undefined) tally.locked += 1;
      }
      if (read.has(instance.name)) world.find('opens', instance.name);
    } else if (read.has(instance.name)) tally.stillOpen += 1;
  }
}

/** What lives opens with the keys that are there; in a copy put back, with those too that only the identity opens. */
function judgeLiving(world: World, closure: Closure): void {
  const { ledger, files } = lootOf(world);
  const isWithIdentity = world.mustRefuse && world.recovery !== undefined;
  const { opened } = isWithIdentity
    ? closureOf({ ledger, files: [...files, ...world.unlockedFiles()] }, world.oracle)
    : closure;
  for (const instance of world.truth.instances.values()) {
    const row = liveRow(world, instance);
    if (row?.sealed && !opened.has(nameOf(Buffer.from(row.sealed)))) world.find('lost', row.instance);
  }
}

/** Tries every number on every token ever stored, under every epoch key that the attacker knows. */
function judgeTokens(world: World, closure: Closure, tally: Tally): void {
  const stored = new Set(world.ledger.tokens.map(({ token }) => Buffer.from(token).toString('latin1')));
  const indexKeys = indexKeysOf(world, closure);
  for (const [epochId, key] of world.epochKeys) {
    const epoch = world.truth.instances.get(epochId);
    const isEnded = epoch !== undefined && isDead(world, epoch) && !world.state.epochs.some(({ id }) => id === epochId);
    if (isEnded) tally.tokensDead += 1;
    if (!closure.keys.has(key.toString('latin1'))) continue;
    for (const indexKey of indexKeys) {
      const cores = Buffer.concat(phoneSpace.map((phone) => tokenCore(indexKey, 'phone', phone)));
      const tokens = encryptCores(key, cores);
      const hits = phoneSpace.filter((_, i) => stored.has(tokens.toString('latin1', i * 16, i * 16 + 16)));
      tally.tokensRead += hits.length;
      if (isEnded && hits.length > 0) world.find('opens', `tokens of epoch ${epochId}`);
    }
  }
}

/** Index keys as the attacker finds them: plaintexts of artifacts that he has opened. */
function indexKeysOf(world: World, closure: Closure): Buffer[] {
  return world.ledger.artifacts
    .filter((record) => record.ownerId === indexOwner && closure.opened.has(nameOf(record.sealed)))
    .map((record) => world.oracle.plainOf(record.sealed))
    .filter((plain) => plain !== undefined);
}

/** Everything that lives opens through the product too. */
async function judgeRows(world: World, onlooker: SimulatedProcess): Promise<void> {
  for (const instance of world.truth.instances.values()) {
    const row = liveRow(world, instance);
    if (row === undefined) continue;
    try {
      const key = await onlooker.tree.keyOf(row.slot);
      if (row.sealed) openBytes(key, contextOf(row), row.sealed);
    } catch (error) {
      world.find('lost', `${row.instance}: ${String(error)}`);
    }
  }
}

/** Destroyed slots are in the journal, named ones live, and no living key is without a row or a reservation. */
async function judgeSlots(world: World, onlooker: SimulatedProcess): Promise<void> {
  const { state, shape } = world;
  const slots = Array.from({ length: (state.top?.nextLeaf ?? 0) * shape.fanOut }, (_, slot) => slot);
  const states = await onlooker.tree.statesOf(slots);
  const entries = new Map<number, number>();
  for (const { entry } of state.journal.values()) {
    for (const [from, to] of entry.slots) {
      for (let slot = from; slot <= to; slot += 1) entries.set(slot, (entries.get(slot) ?? 0) + 1);
    }
  }
  const named = new Set([...state.rows.values(), ...state.epochs].map((row) => row.slot));
  for (const slot of slots) {
    const is = states.get(slot);
    const count = entries.get(slot) ?? 0;
    if (is === 'destroyed' && count === 0) world.find('journal', `slot ${slot} is destroyed, the journal is silent`);
    if (!world.hasRestores && is === 'destroyed' && count > 1) world.find('journal', `slot ${slot} twice`);
    if (!world.hasRestores && is !== 'destroyed' && count > 0) world.find('journal', `slot ${slot} is ${is}`);
    if (named.has(slot) && is !== 'live') world.find('lost', `slot ${slot} is named and ${is}`);
    const isReserved = state.reservations.has(Math.floor(slot / shape.fanOut));
    if (is === 'live' && !named.has(slot) && !isReserved) world.find('opens', `slot ${slot} lives without a row`);
  }
}

/** Tokens in the database are those of living calls, each found under a living epoch. */
async function judgeStoredTokens(world: World, onlooker: SimulatedProcess): Promise<void> {
  const { state } = world;
  const row = [...state.rows.values()].find((one) => one.ownerId === indexOwner);
  if (row?.sealed == null) return;
  const indexKey = openBytes(await onlooker.tree.keyOf(row.slot), contextOf(row), row.sealed);
  const owners = new Set([...state.rows.values()].map((one) => one.ownerId));
  for (const stored of state.tokens) {
    if (!owners.has(stored.ownerId)) world.find('tokens', `a token of ${stored.ownerId}, which is gone`);
    const epoch = state.epochs.find((one) => one.number === stored.epoch);
    const phone = world.phones.get(stored.ownerId);
    if (epoch === undefined || phone === undefined) {
      world.find('tokens', `a token of ${stored.ownerId} in epoch ${stored.epoch}, which is gone`);
      continue;
    }
    const token = encryptCores(await onlooker.tree.keyOf(epoch.slot), tokenCore(indexKey, 'phone', phone));
    if (Buffer.compare(token, stored.token) !== 0) world.find('tokens', `${stored.ownerId} is not found any more`);
  }
}

/** The row of an instance that lives: named by the database, and not by a copy whose erasure stands. */
function liveRow(world: World, instance: Instance): Row | undefined {
  return world.truth.isErased(instance) ? undefined : world.state.rows.get(instance.name);
}

function isDead(world: World, instance: Instance): boolean {
  return world.truth.isDead(
    instance,
    world.seizures.map(({ moment }) => moment),
  );
}

function seized(world: World): Buffer[] {
  return world.seizures.flatMap(({ files }) => files);
}
