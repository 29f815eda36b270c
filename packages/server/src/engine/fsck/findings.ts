import type { ArtifactKind } from '../../model/call.ts';
import type { IdentifierKind } from '../../model/token-store.ts';
import type { Cure } from './cures.ts';
import type { ProblemCode } from './problem-meanings.ts';

/** Something that does not agree. `what` names ids, slots and pages only, never anything personal. */
export type Problem = {
  code: ProblemCode;
  what: string;
  /** Only in the report of a repair: whether a second look has found it gone. */
  repaired?: boolean;
};

/** What one tenant has, counted row by row. */
export type TenantCounts = {
  calls: number;
  tasks: number;
  candidates: number;
  users: number;
  artifacts: Partial<Record<ArtifactKind, number>>;
  /** Of all its recordings, as sealed. */
  recordingBytes: number;
  tokens: Partial<Record<IdentifierKind, number>>;
  tombstones: number;
};

/** How much of what was looked at; in a deep look `byTenant` besides, by tenant id. */
export type Counts = { [what: string]: number | { [tenantId: string]: TenantCounts } };

/**
 * What waits for the blob store to let go of it: items of erasures, and bytes that no erasure waits for. No problem: the
 * keys are destroyed, and the bytes go when they may.
 */
export type Locked = {
  items: number;
  blobs: number;
  /** When the last of these locks ends, as far as they have an end: ISO 8601. Null where none has. */
  until: string | null;
  /** How many of them wait until somebody lifts the lock. */
  withoutEnd: number;
};

/** One repair that was done. */
export type Repair = { code: ProblemCode; what: string };

/**
 * What fsck found, and with `--json` what it prints. `clean` when nothing is wrong, or nothing any more: a repair's
 * report also lists what it found at first, marked as repaired.
 */
export type FsckReport = {
  clean: boolean;
  /** Whether everything sealed was opened too. */
  deep: boolean;
  problems: Problem[];
  counts: Counts;
  locked: Locked;
  /** Empty unless repairs were asked for. */
  repairs: Repair[];
};

/** Lines of one code that are listed one by one; a damage that hits a million rows must not fill the memory. */
const listedPerCode = 100;

/** Lines by code: the first of each code are kept, the others counted. */
export class CodeList {
  readonly #lines: { code: ProblemCode; what: string }[] = [];
  readonly #perCode = new Map<ProblemCode, number>();
  #total = 0;

  /** Of all codes, those not kept included. */
  get total(): number {
    return this.#total;
  }

  add(code: ProblemCode, what: string): void {
    const before = this.#perCode.get(code) ?? 0;
    this.#perCode.set(code, before + 1);
    this.#total += 1;
    if (before < listedPerCode) this.#lines.push({ code, what });
  }

  has(code: ProblemCode): boolean {
    return this.#perCode.has(code);
  }

  lines(): { code: ProblemCode; what: string }[] {
    const lines = [...this.#lines];
    for (const [code, times] of this.#perCode) {
      if (times > listedPerCode) lines.push({ code, what: `and ${times - listedPerCode} more` });
    }
    return lines;
  }
}

/** Cures kept of one look, some 10 MiB; whoever repairs looks again and finds the rest. */
const curesKept = 50_000;

/** Of an archive in which nothing waits for a lock, or of which nobody knows. */
export const nothingLocked: Locked = { items: 0, blobs: 0, until: null, withoutEnd: 0 };

/** Gathers problems, what may be done about them, and counts, while fsck runs. */
export class Findings {
  readonly #problems = new CodeList();
  readonly #cures = new Map<string, Cure>();
  readonly #counts: Record<string, number> = {};
  readonly #tenants: Record<string, TenantCounts> = {};
  readonly #locked = { ...nothingLocked };

  problem(code: ProblemCode, what: string, cure?: Cure): void {
    this.#problems.add(code, what);
    if (cure === undefined) return;
    if (this.#cures.size < curesKept) this.#cures.set(JSON.stringify(cure), cure);
  }

  count(what: string, by: number): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + by;
  }

  /** One that a lock holds back until then; null: until somebody lifts it. A lock that is over by `now` holds nothing. */
  locked(what: 'items' | 'blobs', until: number | null, now: number): void {
    if (until !== null && until <= now) return;
    this.#locked[what] += 1;
    if (until === null) this.#locked.withoutEnd += 1;
    else this.#locked.until = new Date(Math.max(until, Date.parse(this.#locked.until ?? '') || 0)).toISOString();
  }

  /** The tally of one tenant, to be added to. There is one for every tenant, so memory grows with their number only. */
  ofTenant(tenantId: string): TenantCounts {
    this.#tenants[tenantId] ??= {
      calls: 0,
      tasks: 0,
      candidates: 0,
      users: 0,
      artifacts: {},
      recordingBytes: 0,
      tokens: {},
      tombstones: 0,
    };
    return this.#tenants[tenantId];
  }

  has(code: ProblemCode): boolean {
    return this.#problems.has(code);
  }

  cures(): Cure[] {
    return [...this.#cures.values()];
  }

  report(deep: boolean): FsckReport {
    const problems = this.#problems.lines();
    const counts: Counts = deep ? { ...this.#counts, byTenant: this.#tenants } : { ...this.#counts };
    return { clean: problems.length === 0, deep, problems, counts, locked: { ...this.#locked }, repairs: [] };
  }
}
