import type { Engine } from '../../src/engine/context.ts';

/** Longest wait for an archive to come to rest. */
const restMsMax = 20_000;

/** Resolves when no job is unfinished and what follows its seals is done; fails when that takes too long. Its worker must be running. */
export async function untilQuiet(engine: Engine): Promise<void> {
  const deadline = Date.now() + restMsMax;
  while ((await engine.store.reads.jobs.nextRunAt()) !== undefined) {
    if (Date.now() > deadline) {
      const left = await engine.store.reads.jobs.list({ unfinishedOnly: true, limit: 10 });
      throw new Error(`jobs are still there: ${left.map((job) => `${job.attempts} ${job.lastError}`).join(', ')}`);
    }
    engine.nudge();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await engine.sealer.settled();
}
