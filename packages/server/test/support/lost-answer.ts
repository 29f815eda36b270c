import type { Engine } from '../../src/engine/context.ts';
import { AppError, type ErrorCode } from '../../src/model/errors.ts';

/** The next write of this engine is committed, and its caller hears that it failed. Everything after that is as before. */
export function loseNextAnswer(engine: Engine, code: ErrorCode): void {
  const { store } = engine;
  engine.store = {
    ...store,
    reads: store.reads,
    keyStore: store.keyStore,
    snapshot: store.snapshot.bind(store),
    write: async (work) => {
      engine.store = store;
      await store.write(work);
      throw new AppError(code, { detail: 'the answer was lost' });
    },
  };
}
