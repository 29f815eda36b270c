import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FsckReport } from '../../src/engine/fsck/findings.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import type { ProblemCode } from '../../src/engine/fsck/problem-meanings.ts';
import { type Lived, liveALittle, type OpenArchive, openCopy, readableOf } from './lived-archive.ts';

export type Damage = {
  /** Does the damage. A text that it returns must be named by every problem found. */
  plant: (at: OpenArchive) => unknown;
  /** Exactly the codes that a deep look finds, each once however often. */
  finds: readonly ProblemCode[];
  /** What a quick look finds of them. Default: all. */
  quick?: readonly ProblemCode[];
  /** What a repair leaves of them. Default: all, and then it does nothing at all. */
  leaves?: readonly ProblemCode[];
};

/** One test per damage, each on a copy of its own: what is found, quickly and deeply, and what a repair makes of it. */
export function eachDamage(
  damages: Record<string, Damage>,
  open: (lived: Lived) => Promise<OpenArchive> = openCopy,
): void {
  let lived: Lived;
  beforeAll(async () => {
    lived = await liveALittle();
  });
  afterAll(async () => await lived.forget());
  for (const [name, damage] of Object.entries(damages)) {
    it(`${name}${damage.leaves === undefined ? '' : ', which a repair knows to treat'}`, async () => {
      const at = await open(lived);
      try {
        const named = await damage.plant(at);
        const found = await fsck(at.engine, { deep: true });
        expect(codesOf(found)).toEqual([...damage.finds].sort());
        expect(codesOf(await fsck(at.engine))).toEqual([...(damage.quick ?? damage.finds)].sort());
        if (typeof named === 'string') for (const problem of found.problems) expect(problem.what).toContain(named);
        await expectRepairs(at, damage, found);
      } finally {
        await at.close();
      }
    });
  }
}

/** Whatever a repair does: what could be read before it can be read after it. */
async function expectRepairs(at: OpenArchive, damage: Damage, found: FsckReport): Promise<void> {
  const readable = await readableOf(at);
  const report = await fsck(at.engine, { deep: true, repair: true });
  expect(await readableOf(at)).toEqual(readable);
  const left = report.problems.filter((problem) => !problem.repaired);
  expect([...new Set(left.map((problem) => problem.code))].sort()).toEqual([...(damage.leaves ?? damage.finds)].sort());
  expect(report.problems.map(({ code, what }) => `${code} ${what}`)).toEqual(
    found.problems.map(({ code, what }) => `${code} ${what}`),
  );
  expect(report.clean).toBe(left.length === 0);
  const audited = (await at.engine.store.reads.audit.page('', 1000)).filter((one) => one.event === 'fsck.repaired');
  expect(audited.length).toBe(report.repairs.length);
  if (damage.leaves === undefined) expect(report.repairs).toEqual([]);
  else expect(audited.length).toBeGreaterThan(0);
  if (report.clean) await at.expectAtRest();
}

function codesOf({ problems }: FsckReport): ProblemCode[] {
  return [...new Set(problems.map((problem) => problem.code))].sort();
}

/** Turns one bit of a stored value. */
export function flipped(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  const at = copy.length - 1;
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

/** The slot of an artifact. */
export function slotOf(at: OpenArchive, ownerId: string, kind: string): number {
  return at.value<number>('SELECT slot FROM artifact WHERE owner_id = ? AND kind = ?', ownerId, kind);
}
