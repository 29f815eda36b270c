import type { App } from '../app.ts';
import type { RootStatus } from '../keys/root-status.ts';
import { idTime } from '../lib/ids.ts';
import type { SealRecord } from '../model/key-store.ts';

/** A token epoch; one that `isTurning` is being re-encrypted under the next, and then its key is destroyed. */
type EpochStatus = { number: number; begunAt: number; isTurning: boolean };

/** Times in ms since the Unix epoch. */
export type KeysStatus = RootStatus & { tenants: { slug: string; epochs: EpochStatus[] }[] };

/** Seals read at once. */
const sealsPerPage = 1000;

/** Root keys, how long backups open, and every tenant's token epochs, as they are now. */
export async function keysStatusOf({ engine }: App): Promise<KeysStatus> {
  const { reads } = engine.store;
  const { rootKeys } = await engine.rootKeys.status();
  const oldest = rootKeys.reduce((least, key) => Math.min(least, key.generation), Number.MAX_SAFE_INTEGER);
  const seals: SealRecord[] = [];
  let page: SealRecord[];
  do {
    page = await reads.keys.seals(seals.at(-1)?.generation ?? oldest - 1, sealsPerPage);
    seals.push(...page);
  } while (page.length > 0);
  const tenants: KeysStatus['tenants'] = [];
  for (const { id, slug } of await reads.tenants.list()) {
    const epochs = await reads.tokens.epochs(id);
    const current = epochs.at(-1);
    const shown = epochs.map((epoch) => {
      return { number: epoch.number, begunAt: idTime(epoch.id), isTurning: epoch !== current };
    });
    tenants.push({ slug, epochs: shown });
  }
  return { ...(await engine.rootKeys.status(seals)), tenants };
}

/** The status as JSON: times as ISO texts. */
export function statusJson(status: KeysStatus): Record<string, unknown> {
  return {
    ...status,
    sealedAt: iso(status.sealedAt),
    rootKeys: status.rootKeys.map((key) => ({ ...key, diesAt: iso(key.diesAt) })),
    backups: status.backups.map(({ generation, takenFrom, takenTo, opensUntil }) => {
      return { generation, takenFrom: iso(takenFrom), takenTo: iso(takenTo), opensUntil: iso(opensUntil) };
    }),
    tenants: status.tenants.map(({ slug, epochs }) => {
      return { slug, epochs: epochs.map((epoch) => ({ ...epoch, begunAt: iso(epoch.begunAt) })) };
    }),
  };
}

/** The status for people. */
export function statusLines(status: KeysStatus): string[] {
  const recovery = status.hasRecoveryKey
    ? 'set: every root key but the named one exists only sealed to it'
    : 'not set: root keys can be used until they die';
  return [
    `archive       ${status.archiveId}`,
    `last seal     generation ${status.generation}, ${iso(status.sealedAt)}`,
    `horizon       ${duration(status.horizonMs)}`,
    `recovery key  ${recovery}`,
    '',
    'root keys',
    ...status.rootKeys.map((key) => `  ${String(key.generation).padStart(6)}  ${fateOf(key)}`),
    '',
    'backups of the database',
    ...status.backups.map(({ takenFrom, takenTo, opensUntil }) => {
      const taken = `taken from ${iso(takenFrom)} ${takenTo === null ? 'until now' : `to ${iso(takenTo)}`}`;
      return `  ${taken}: ${opensUntil === null ? 'open, no end is set yet' : `open until ${iso(opensUntil)}`}`;
    }),
    '',
    'token epochs',
    ...status.tenants.flatMap(({ slug, epochs }) =>
      epochs.map(({ number, begunAt, isTurning }) => {
        return `  ${slug}: ${number}, begun ${iso(begunAt)}${isTurning ? ', turning' : ''}`;
      }),
    ),
  ];
}

function fateOf({ isNamed, isLocked, diesAt }: RootStatus['rootKeys'][number]): string {
  const end = diesAt === null ? 'its clock has not started' : `dies ${iso(diesAt)}`;
  const how = isLocked ? ['locked'] : [];
  return (isNamed ? [...how, 'named: the live one'] : [...how, end]).join(', ');
}

function iso(at: number): string;
function iso(at: number | null): string | null;
function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

/** In the largest unit that is whole, as the setting is written. */
function duration(ms: number): string {
  const units = [
    ['d', 24 * 3_600_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const;
  const unit = units.find(([, size]) => ms >= size && ms % size === 0);
  if (ms === 0) return '0';
  return unit === undefined ? `${ms}ms` : `${ms / unit[1]}${unit[0]}`;
}
