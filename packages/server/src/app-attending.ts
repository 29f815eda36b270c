import type { Config } from './config.ts';
import type { Engine } from './engine/context.ts';
import type { Worker } from './engine/jobs/worker.ts';
import { KeyTree } from './keys/key-tree.ts';
import { RootKeys } from './keys/root-keys.ts';
import type { Vault } from './model/vault.ts';
import { reopenPostgresStore } from './store/open-postgres.ts';
import type { PostgresWatch } from './store/postgres-watch.ts';

type Attended = {
  engine: Engine;
  workers: readonly Worker[];
  /** As it is: a look of ours that hangs must not keep anybody from proving the database. */
  vault: Vault;
  watch: PostgresWatch;
};

/**
 * Says what this process does about a database that it may lose: when it is lost, what was opened of it is forgotten; what is
 * found in its place has to pass everything that a start looks at, and to be of the same archive; until then nothing is changed
 * there. What other processes say wakes the workers.
 */
export async function attendDatabase(config: Config, { engine, workers, vault, watch }: Attended): Promise<void> {
  const { database, horizonMs } = config;
  if (database.kind !== 'postgres') return;
  const { clock, store } = engine;
  const archiveId = (await store.keyStore.reads.readTop())?.archiveId ?? '';
  watch.attend({
    lost() {
      engine.tree.dropCaches();
      engine.secrets.drop();
    },
    hinted() {
      for (const one of workers) one.nudge();
    },
    async prove(server) {
      const found = await reopenPostgresStore({ url: database.url, clock, connections: 1, watch: server, archiveId });
      try {
        const tree = new KeyTree({ store: found.keyStore, vault, clock });
        await new RootKeys({ store: found.keyStore, vault, tree, clock, horizonMs }).proveSame(archiveId);
      } finally {
        await found.close();
      }
    },
  });
}
