import { describe, expect, test } from 'vitest';
import { Repeats, type Standing } from './repeats.ts';

const standing = (id: string, phones: string[], change: Partial<Standing> & { external?: string } = {}): Standing => {
  const { external = '', ...rest } = change;
  return { id, taskId: 'task', likeness: { phones, external }, state: 'shown', ...rest };
};

describe('a repeat', () => {
  test('shares a number, the task and the id of the client, or lacks one like the other', () => {
    const repeats = new Repeats();
    repeats.add(standing('plain', ['a', 'b']));
    repeats.add(standing('named', ['a'], { external: 'x' }));
    expect(repeats.find(standing('', ['b', 'c']))?.id).toBe('plain');
    expect(repeats.find(standing('', ['a'], { external: 'x' }))?.id).toBe('named');
    expect(repeats.find(standing('', ['c']))).toBeUndefined();
    expect(repeats.find(standing('', ['b'], { external: 'x' }))).toBeUndefined();
    expect(repeats.find(standing('', ['a'], { external: 'y' }))).toBeUndefined();
    expect(repeats.find(standing('', ['a'], { taskId: 'other' }))).toBeUndefined();
  });

  test('is of the first of several that stand', () => {
    const repeats = new Repeats();
    for (const id of ['first', 'second']) repeats.add(standing(id, ['a']));
    expect(repeats.find(standing('', ['a']))?.id).toBe('first');
  });

  test('of what is still being added has the very same numbers', () => {
    const repeats = new Repeats();
    repeats.add(standing('adding', ['a', 'b'], { state: 'adding' }));
    expect(repeats.find(standing('', ['a', 'b']))?.id).toBe('adding');
    expect(repeats.find(standing('', ['a']))).toBeUndefined();
    expect(repeats.find(standing('', ['a', 'b', 'c']))).toBeUndefined();
  });

  test('is of what stands rather than of what is still being added', () => {
    const repeats = new Repeats();
    repeats.add(standing('adding', ['a'], { state: 'adding' }));
    repeats.add(standing('stands', ['a']));
    expect(repeats.find(standing('', ['a']))?.id).toBe('stands');
  });

  test.each(['erased', 'erasing'] as const)(
    'of what is %s has the same id of the client, whatever its numbers',
    (state) => {
      const repeats = new Repeats();
      repeats.add(standing('gone', [], { state, external: 'x' }));
      repeats.add(standing('unknown', ['a'], { state }));
      expect(repeats.find(standing('', ['a'], { external: 'x' }))?.id).toBe('gone');
      expect(repeats.find(standing('', ['a'], { external: 'y' }))).toBeUndefined();
      expect(repeats.find(standing('', ['a'], { external: 'x', taskId: 'other' }))).toBeUndefined();
      expect(repeats.find(standing('', ['a']))).toBeUndefined();
    },
  );

  test('is of who is like it in all rather than of who was erased', () => {
    const repeats = new Repeats();
    repeats.add(standing('gone', [], { state: 'erased', external: 'x' }));
    repeats.add(standing('stands', ['a'], { external: 'x' }));
    expect(repeats.find(standing('', ['a'], { external: 'x' }))?.id).toBe('stands');
  });
});
