import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { blobPaths, shards } from '../../src/blobs/file-blob-layout.ts';
import type { Artifact, Call } from '../../src/model/call.ts';
import type { Store } from '../../src/model/store.ts';
import type { StoredToken } from '../../src/model/token-store.ts';

/** Rows of some calls; the tokens in the order of their table. */
export type BulkRows = { calls: readonly Call[]; artifacts: readonly Artifact[]; tokens: readonly StoredToken[] };

/** Where a bulk loader puts what it has made. */
export interface BulkSink {
  write(rows: BulkRows): Promise<void>;
  /** Stores the sealed bytes of a recording under the name of its blob. */
  store(blob: string, sealed: Buffer): Promise<void>;
}

/** Rows through the store's port, all in one transaction; recordings as files that are not synced one by one. */
export function embeddedSink(store: Store, home: string): BulkSink {
  const root = join(home, 'blobs');
  for (const shard of shards) mkdirSync(join(root, shard), { recursive: true, mode: 0o700 });
  return {
    async write({ calls, artifacts, tokens }) {
      await store.write(async (tx) => {
        for (const call of calls) await tx.calls.insert(call);
        await tx.artifacts.insert(artifacts);
        await tx.tokens.insertTokens(tokens);
      });
    },
    async store(blob, sealed) {
      writeFileSync(blobPaths(root, blob).path, sealed, { mode: 0o600 });
    },
  };
}
