import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ErasureState, type ItemState, mayErasureMove, mayItemMove, reachOf } from './erasure.ts';

const itemStates: ItemState[] = ['planned', 'held', 'shredded', 'removed', 'verified', 'failed'];
const erasureStates: ErasureState[] = ['planned', 'running', 'completed', 'completed_with_failures', 'cancelled'];

describe('the states of an item', () => {
  it('are never left once the item is verified', () => {
    for (const to of itemStates) expect(mayItemMove('verified', to)).toBe(false);
  });

  it('lead to verified from everywhere, so that nothing can be stuck for good', () => {
    const reaches = (from: ItemState, seen = new Set<ItemState>()): boolean => {
      if (from === 'verified') return true;
      if (seen.has(from)) return false;
      return itemStates.some((to) => mayItemMove(from, to) && reaches(to, new Set(seen).add(from)));
    };
    for (const state of itemStates) expect(reaches(state), state).toBe(true);
  });

  it('never let a walk skip the destruction of keys or the look at what is left', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...itemStates), { maxLength: 12 }), (wishes) => {
        const walk: ItemState[] = ['planned'];
        for (const wish of wishes) if (mayItemMove(walk.at(-1) ?? 'planned', wish)) walk.push(wish);
        if (walk.includes('verified')) {
          expect(walk.at(-1)).toBe('verified');
          expect(walk.at(-2)).toBe('removed');
        }
      }),
    );
  });
});

describe('the states of an erasure', () => {
  it('let it be cancelled only before it starts', () => {
    expect(erasureStates.filter((from) => mayErasureMove(from, 'cancelled'))).toEqual(['planned']);
  });
});

describe('the reach of an action', () => {
  it('of purge is everything', () => {
    const reach = reachOf('purge', { keepRecording: false });
    expect(reach).toEqual({
      artifacts: ['recording', 'transcript', 'details', 'correlation'],
      tokens: 'all',
      isWhole: true,
    });
  });

  it('of depersonalize spares what the client needs to recognise the row, and the recording if it is to be kept', () => {
    expect(reachOf('depersonalize', { keepRecording: false }).artifacts).toEqual([
      'recording',
      'transcript',
      'details',
    ]);
    expect(reachOf('depersonalize', { keepRecording: true }).artifacts).toEqual(['transcript', 'details']);
    expect(reachOf('depersonalize', { keepRecording: true }).tokens).toBe('personal');
  });

  it('of delete-recording is the recording alone', () => {
    expect(reachOf('delete-recording', { keepRecording: false })).toEqual({
      artifacts: ['recording'],
      tokens: 'none',
      isWhole: false,
    });
  });
});
