import { afterAll, beforeAll, expect, it } from 'vitest';
import { fsck, type Problem, type ProblemCode } from '../../src/engine/fsck/fsck.ts';
import { type Lived, liveALittle, type OpenArchive, openCopy } from './lived-archive.ts';

export type Damage = {
  /** Does the damage. A text that it returns must be named by every problem found. */
  plant: (at: OpenArchive) => unknown;
  /** Exactly the codes found, each once however often. */
  finds: readonly ProblemCode[];
};

/** One test per damage, each on a copy of its own. */
export function eachDamage(damages: Record<string, Damage>): void {
  let lived: Lived;
  beforeAll(async () => {
    lived = await liveALittle();
  });
  afterAll(async () => await lived.forget());
  for (const [name, damage] of Object.entries(damages)) {
    it(name, async () => {
      const at = await openCopy(lived);
      try {
        const named = await damage.plant(at);
        const { problems } = await fsck(at.engine);
        expect(codesOf(problems)).toEqual([...damage.finds].sort());
        if (typeof named === 'string') for (const problem of problems) expect(problem.what).toContain(named);
      } finally {
        await at.close();
      }
    });
  }
}

function codesOf(problems: readonly Problem[]): ProblemCode[] {
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
