import { describe, expect, it } from 'vitest';
import { GroupCommit } from './group-commit.ts';

describe('a group commit', () => {
  it('lets what arrives while one runs share the next run', async () => {
    const runs: number[][] = [];
    let release = () => {};
    const first = new Promise<void>((resolve) => {
      release = resolve;
    });
    const group = new GroupCommit<number, number>(100, async (inputs) => {
      runs.push([...inputs]);
      if (runs.length === 1) await first;
      return inputs.map((value) => ({ status: 'fulfilled', value: value * 2 }));
    });
    const results = [group.add(1), group.add(2), group.add(3)];
    release();
    expect(await Promise.all(results)).toEqual([2, 4, 6]);
    expect(runs).toEqual([[1], [2, 3]]);
  });

  it('settles each input by itself', async () => {
    const group = new GroupCommit<number, string>(100, async (inputs) =>
      inputs.map((value) =>
        value === 1 ? { status: 'rejected', reason: new Error('one') } : { status: 'fulfilled', value: 'fine' },
      ),
    );
    const settled = await Promise.allSettled([group.add(1), group.add(2)]);
    expect(settled.map((one) => one.status)).toEqual(['rejected', 'fulfilled']);
  });

  it('goes on after a run that failed as a whole', async () => {
    let isBroken = true;
    const group = new GroupCommit<number, number>(100, async (inputs) => {
      if (isBroken) throw new Error('broken');
      return inputs.map((value) => ({ status: 'fulfilled', value }));
    });
    await expect(group.add(1)).rejects.toThrow('broken');
    isBroken = false;
    expect(await group.add(2)).toBe(2);
  });

  it('takes no more than its limit in one run', async () => {
    const sizes: number[] = [];
    const group = new GroupCommit<number, number>(2, async (inputs) => {
      sizes.push(inputs.length);
      return await Promise.resolve(inputs.map((value) => ({ status: 'fulfilled', value })));
    });
    await Promise.all([1, 2, 3, 4, 5].map(async (value) => await group.add(value)));
    expect(Math.max(...sizes)).toBe(2);
  });
});
