import type { App } from '../../src/app.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { TokenEpochs } from '../../src/keys/token-epochs.ts';
import type { Artifact } from '../../src/model/call.ts';
import type { Store, StoreReads, StoreTx } from '../../src/model/store.ts';

import { type Spoiling, verbs } from './verbs.ts';

/** Something that an archive must never do, made to happen at one of its ports or verbs. */
export type Defect = { name: string } & Spoiling;

export const defects: readonly Defect[] = [
  {
    name: 'a purge leaves the tokens of the call, and verifying does not see them',
    spoil: spoilsTokens(() => true),
  },
  {
    name: 'a depersonalized call is still found by its phones, and verifying does not see it',
    spoil: spoilsTokens((kinds) => kinds !== 'all'),
  },
  {
    name: 'a hold placed since the plan is ignored in the shredding transaction',
    spoil: (app) => spoilTx(app, (tx) => ({ holds: { ...tx.holds, active: async () => [] } })),
  },
  {
    name: 'a session is not refused after its purge',
    spoil: (app) => spoilTx(app, (tx) => ({ tombstones: { ...tx.tombstones, findByToken: async () => [] } })),
  },
  {
    name: 'a tombstone keeps no tokens',
    spoil: (app) =>
      spoilTx(app, (tx) => ({
        tombstones: { ...tx.tombstones, insert: async (stones) => await tx.tombstones.insert(stones, []) },
      })),
  },
  { name: 'bytes are left, and the blob store says that they are gone', spoil: leaveBytes },
  {
    name: 'a purged call is never told to be gone',
    spoil: (app) =>
      spoilTx(app, (tx) => ({ erasures: { ...tx.erasures, stampSpanTombstones: async () => undefined } })),
  },
  {
    name: 'a call of another tenant is purged by its id',
    verbs: {
      ...verbs,
      async purge(engine, caller, subject, options) {
        const calls = subject.by === 'calls' ? await engine.store.reads.calls.page('', 1000) : [];
        const named = calls.find((call) => subject.by === 'calls' && subject.ids.includes(call.id));
        const tenant = named && (await engine.store.reads.tenants.find({ id: named.tenantId }));
        return await purge(engine, tenant ? { ...caller, tenant } : caller, subject, options);
      },
    },
  },
  {
    name: 'a what-if purges, though its answer does not say so',
    verbs: {
      ...verbs,
      async purge(engine, caller, subject, options) {
        const items = await purge(engine, caller, subject, options);
        if (options.whatIf) await purge(engine, caller, subject, { ...options, whatIf: false });
        return items;
      },
    },
  },
  {
    name: 'a hold is not released',
    verbs: {
      ...verbs,
      async releaseHold(engine, caller, holdId) {
        const hold = await engine.store.reads.holds.find(caller.tenant.id, holdId);
        if (hold === undefined) await releaseHold(engine, caller, holdId);
      },
    },
  },
  {
    name: 'an upload of an archived session makes a second call',
    spoil: (app) => spoilTx(app, (tx) => ({ tokens: { ...tx.tokens, owners: async () => [] } })),
  },
  { name: 'an upload is swept before its lease has ended', spoil: sweepEarly },
  { name: 'an epoch turn spoils the tokens that it moves', spoil: loseTokens },
  { name: 'a download runs on after a purge', spoil: rememberRecordings },
  {
    name: 'a recording is played while its erasure is under way',
    spoil: (app) => spoilReads(app, (reads) => ({ erasures: { ...reads.erasures, gatesOf: async () => [] } })),
  },
];

/** Replaces nouns of every write transaction that the engine's verbs begin. */
function spoilTx(app: App, spoiled: (tx: StoreTx) => Partial<StoreTx>): void {
  const { store } = app.engine;
  replaceInStore(app, {
    write: async (work) => await store.write(async (tx) => await work(overlaid(tx, spoiled(tx)))),
  });
}

function spoilReads(app: App, spoiled: (reads: StoreReads) => Partial<StoreReads>): void {
  const { reads } = app.engine.store;
  replaceInStore(app, { reads: overlaid(reads, spoiled(reads)) });
}

function replaceInStore(app: App, replaced: Partial<Store>): void {
  app.engine.store = new Proxy(app.engine.store, {
    get(store, name) {
      if (name in replaced) return Reflect.get(replaced, name) as unknown;
      const value: unknown = Reflect.get(store, name, store);
      return typeof value === 'function' ? (value.bind(store) as unknown) : value;
    },
  });
}

/** The same nouns but for some. Its type is that of what lies beneath. */
function overlaid<T extends object>(beneath: T, above: Partial<T>): T {
  return Object.create(beneath, Object.getOwnPropertyDescriptors(above)) as T;
}

type Kinds = Parameters<StoreTx['erasures']['deleteSpanTokens']>[1];

function spoilsTokens(isLeft: (kinds: Kinds) => boolean): (app: App) => void {
  return (app) => {
    spoilTx(app, (tx) => ({
      erasures: {
        ...tx.erasures,
        deleteSpanTokens: async (span, kinds) =>
          isLeft(kinds) ? undefined : await tx.erasures.deleteSpanTokens(span, kinds),
      },
    }));
    spoilReads(app, (reads) => ({ tokens: { ...reads.tokens, countOfOwners: async () => 0 } }));
  };
}

function leaveBytes(app: App): void {
  app.engine.blobs = new Proxy(app.engine.blobs, {
    get(blobs, name) {
      if (name === 'erase') return async (names: string[]) => new Map(names.map((one) => [one, { kind: 'erased' }]));
      if (name === 'remaining') return async () => new Set();
      const value: unknown = Reflect.get(blobs, name, blobs);
      return typeof value === 'function' ? (value.bind(blobs) as unknown) : value;
    },
  });
}

/** The sweep takes every upload for overdue, in its list and where it looks again before it destroys. */
function sweepEarly(app: App): void {
  const muchLater = Number.MAX_SAFE_INTEGER;
  const swept = new Set<string>();
  spoilReads(app, (reads) => ({
    calls: {
      ...reads.calls,
      async abandonedUploads(now, limit, after) {
        const found = await reads.calls.abandonedUploads(muchLater, limit, after);
        // Whoever asks for every upload does not sweep.
        if (now !== muchLater) for (const { id } of found) swept.add(id);
        return found;
      },
    },
  }));
  spoilTx(app, (tx) => ({
    calls: {
      ...tx.calls,
      async find(tenantId, id) {
        const call = await tx.calls.find(tenantId, id);
        return swept.delete(id) && call?.uploadUntil ? { ...call, uploadUntil: 0 } : call;
      },
    },
  }));
}

function loseTokens(app: App): void {
  const { store, tree, issuer, clock, faults } = app.engine;
  const spoiling: Pick<Store, 'write'> = {
    write: async (work) =>
      await store.write(async (tx) => {
        const replaceTokens: StoreTx['tokens']['replaceTokens'] = async (changes) => {
          const spoiled = changes.map(({ old, next }) => ({
            old,
            next: { ...next, token: Buffer.from(next.token).reverse() },
          }));
          await tx.tokens.replaceTokens(spoiled);
        };
        return await work(overlaid(tx, { tokens: { ...tx.tokens, replaceTokens } }));
      }),
  };
  app.engine.epochs = new TokenEpochs({ store: spoiling, tree, issuer, clock, faults });
}

function rememberRecordings(app: App): void {
  const remembered = new Map<string, Artifact>();
  spoilReads(app, (reads) => ({
    artifacts: {
      ...reads.artifacts,
      async find(ownerId, kind) {
        const found = await reads.artifacts.find(ownerId, kind);
        if (found) remembered.set(`${ownerId}/${kind}`, found);
        return found ?? remembered.get(`${ownerId}/${kind}`);
      },
    },
  }));
}
