import type { Collector, Reading } from '../../model/meter.ts';
import type { Engine } from '../context.ts';

/** Everything that is looked up when somebody asks how the archive does. Each fails by itself. */
export function collectorsOf(engine: Engine): Collector[] {
  return [
    { name: 'backlog', collect: async () => await readBacklog(engine) },
    { name: 'vault', collect: async () => await readVault(engine) },
  ];
}

/** What waits, and for how long: jobs, the journal, doomed bytes, the next seal. One cheap statement. */
async function readBacklog({ store, clock }: Pick<Engine, 'store' | 'clock'>): Promise<Reading[]> {
  const now = clock.now();
  const backlog = await store.reads.backlog.at(now);
  // The clocks of several machines may differ: nothing is younger than now.
  const ageOf = (since: number | null) => (since === null ? 0 : Math.max(0, now - since) / 1000);
  const { jobsDue, journalPending, doomedBlobs, sealedAt } = backlog;
  const readings: Reading[] = [
    { name: 'tacet_jobs_due', labels: {}, value: jobsDue },
    { name: 'tacet_jobs_oldest_due_seconds', labels: {}, value: ageOf(backlog.dueSince) },
    { name: 'tacet_journal_pending', labels: {}, value: journalPending },
    { name: 'tacet_journal_oldest_pending_seconds', labels: {}, value: ageOf(backlog.pendingSince) },
    { name: 'tacet_doomed_blobs', labels: {}, value: doomedBlobs },
  ];
  if (sealedAt !== null) readings.push({ name: 'tacet_last_seal_age_seconds', labels: {}, value: ageOf(sealedAt) });
  return readings;
}

/** The root keys that the vault holds. */
async function readVault({ vault }: Pick<Engine, 'vault'>): Promise<Reading[]> {
  const { keys } = await vault.current();
  const locked = keys.filter((key) => key.isLocked).length;
  return [
    { name: 'tacet_root_keys', labels: { state: 'open' }, value: keys.length - locked },
    { name: 'tacet_root_keys', labels: { state: 'locked' }, value: locked },
  ];
}
