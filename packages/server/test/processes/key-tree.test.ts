import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeyTree } from '../../src/keys/key-tree.ts';
import { RootKeys } from '../../src/keys/root-keys.ts';
import { endReservations } from '../../src/keys/slot-issuer.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { openPostgresStore } from '../../src/store/open-postgres.ts';
import type { SqlStore } from '../../src/store/store.ts';
import { FileVault } from '../../src/vault/file-vault.ts';
import { openFolder } from '../../src/vault/folder.ts';
import { closureOf } from '../attacker/attacker.ts';
import { Ledger, nameOf } from '../attacker/ledger.ts';
import { Oracle } from '../attacker/oracle.ts';
import { adminQuery, newDatabase, postgresServer, type TestDatabase } from '../support/postgres.ts';
import { type Note, recorderOf } from './recording.ts';
import { type Child, horizonMs, shape, startChild } from './shared-tree.ts';

const server = postgresServer();
const processes = 4;
const runMs = 8000;
const caseMsMax = 120_000;

/** Cuts some connection of those that work, in the middle of whatever it does. */
const cutOne = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'tacet' AND state <> 'idle' ORDER BY random() LIMIT 1`;

describe.skipIf(server === undefined)(`${processes} processes on one key tree`, { timeout: caseMsMax }, () => {
  let database: TestDatabase;
  let folder: string;
  let children: Child[];

  beforeEach(async () => {
    if (server) database = await newDatabase(server);
    folder = await mkdtemp(join(tmpdir(), 'tacet-tree-'));
    children = Array.from({ length: processes }, (_, i) => {
      return startChild('./key-tree.child.ts', [
        database.url,
        join(folder, 'vault'),
        join(folder, `notes-${i}`),
        `${runMs}`,
      ]);
    });
  });

  afterEach(async () => {
    for (const { process } of children) process.kill('SIGKILL');
    await Promise.allSettled(children.map(({ ended }) => ended));
    await database.remove();
    await rm(folder, { recursive: true });
  });

  /** Sets them all going, does `meanwhile` again and again, and answers everything that they have noted. */
  async function run(meanwhile: () => Promise<unknown>): Promise<Note[]> {
    await Promise.all(children.map(({ ready }) => ready));
    const state = { isOver: false };
    const running = Promise.all(children.map(async ({ ended }) => await ended)).finally(() => {
      state.isOver = true;
    });
    for (const child of children) child.go();
    while (!state.isOver) {
      await meanwhile();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await running;
    const files = await Promise.all(children.map((_, i) => readFile(join(folder, `notes-${i}`), 'utf8')));
    // Each line is what `recorderOf` wrote.
    return files.flatMap((text) => text.trimEnd().split('\n')).map((line) => JSON.parse(line) as Note);
  }

  /** A last process, which ends what the others left, seals, lets everything expire, and looks at every slot. */
  async function expectAsNoted(notes: Note[]): Promise<void> {
    const store = openPostgresStore({ url: database.url });
    try {
      notes.push(...(await lastLook(store, notes)));
      await expectClosure(notes);
    } finally {
      await store.close();
    }
  }

  async function lastLook(store: SqlStore, notes: readonly Note[]): Promise<Note[]> {
    const file = join(folder, 'notes-last');
    const recorder = recorderOf(file, shape.levels - 1);
    const keyStore = recorder.keyStore(store.keyStore);
    const vault = new FileVault({ folders: [openFolder(join(folder, 'vault'))] });
    const tree = new KeyTree({ store: keyStore, vault, clock, shape, crypto: recorder.crypto });
    const rootKeys = new RootKeys({ store: keyStore, vault, tree, clock, horizonMs });
    await rootKeys.ready('no new one');
    await endReservations(keyStore, tree, clock, 'all');
    await rootKeys.seal();
    await rootKeys.expire();
    const { living, destroyed } = slotsIn(notes);
    for (const [slot, key] of living) expect((await tree.keyOf(slot)).toString('base64'), `slot ${slot}`).toBe(key);
    for (const slot of destroyed) expect((await tree.open(slot)).kind, `slot ${slot}`).toBe('destroyed');
    const end = ((await keyStore.reads.readTop())?.nextLeaf ?? 0) * shape.fanOut;
    const states = await tree.statesOf(Array.from({ length: end }, (_, slot) => slot));
    const live = [...states].flatMap(([slot, state]) => (state === 'live' ? [slot] : []));
    expect(live.sort((a, b) => a - b)).toEqual([...living.keys()].sort((a, b) => a - b));
    expect((await rootKeys.status()).rootKeys).toHaveLength(1);
    recorder.flush();
    return (await readFile(file, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Note);
  }

  /** Whoever has all that was ever written, and the vault as it is now, opens what lives and nothing else. */
  async function expectClosure(notes: readonly Note[]): Promise<void> {
    const [ledger, oracle] = [new Ledger(), new Oracle()];
    const { living } = slotsIn(notes);
    const slotOf = new Map<string, number>();
    for (const note of notes) {
      if (note.is === 'use') oracle.note(bytes(note.key), { sealed: bytes(note.sealed), plain: bytes(note.plain) });
      if (note.is === 'page') ledger.page(note.place, bytes(note.sealed));
      if (note.is === 'text') ledger.text(note.value);
      if (note.is !== 'artifact') continue;
      const sealed = bytes(note.sealed);
      ledger.artifact({ instance: `slot ${note.slot}`, ownerId: note.ownerId, kind: 'details', sealed });
      slotOf.set(nameOf(sealed), note.slot);
    }
    const vault = join(folder, 'vault');
    const files = await Promise.all((await readdir(vault)).map((name) => readFile(join(vault, name))));
    const { opened } = closureOf({ ledger, files }, oracle);
    const read = [...slotOf].flatMap(([name, slot]) => (opened.has(name) ? [slot] : []));
    expect(read.sort((a, b) => a - b)).toEqual([...living.keys()].sort((a, b) => a - b));
    const destroyed = slotOf.size - living.size;
    expect(destroyed, 'a test that demands nothing proves nothing').toBeGreaterThan(20);
    expect(living.size).toBeGreaterThan(20);
  }

  async function expectNoDeadlock(): Promise<void> {
    const [row] = await adminQuery(
      database,
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    );
    expect(Number(row?.['deadlocks'])).toBe(0);
  }

  function expectDone(notes: readonly Note[]): void {
    for (const deed of ['issue', 'destroy', 'open', 'seal', 'end']) {
      const times = notes.map((note) => (note.is === 'done' ? (note.times[deed] ?? 0) : 0));
      expect(
        times.reduce((a, b) => a + b, 0),
        deed,
      ).toBeGreaterThan(0);
    }
  }

  test('lose no write and never deadlock, and their attacker opens what lives and nothing else', async () => {
    const notes = await run(async () => undefined);
    expectDone(notes);
    await expectAsNoted(notes);
    await expectNoDeadlock();
  });

  test('lose no write when their connections are cut again and again', async () => {
    let cuts = 0;
    const notes = await run(async () => {
      cuts += (await adminQuery(database, cutOne)).length;
    });
    expect(cuts).toBeGreaterThan(20);
    expectDone(notes);
    await expectAsNoted(notes);
    await expectNoDeadlock();
  });
});

/** Slots with the keys under which their owners sealed something, and those that their owners destroyed since. */
function slotsIn(notes: readonly Note[]): { living: Map<number, string>; destroyed: Set<number> } {
  const living = new Map<number, string>();
  const destroyed = new Set<number>();
  for (const note of notes) if (note.is === 'destroyed') for (const slot of note.slots) destroyed.add(slot);
  for (const note of notes) if (note.is === 'artifact' && !destroyed.has(note.slot)) living.set(note.slot, note.key);
  return { living, destroyed };
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'base64');
}
