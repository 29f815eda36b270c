import { describe, expect, test } from 'vitest';
import { type DialStatus, dialStatuses } from '../../model/call.ts';
import { type ChangingRow, newInRow } from './row-change.ts';

const row = (change: Partial<ChangingRow> = {}): ChangingRow => ({
  startedAt: 1000,
  endedAt: null,
  durationMs: null,
  dialStatus: 'DIAL',
  retainUntil: null,
  ...change,
});

const stages: readonly (readonly DialStatus[])[] = [['SCHEDULED'], ['DIAL'], ['INPROGRESS'], dialStatuses.slice(3)];
const stageOf = (status: DialStatus) => stages.findIndex((stage) => stage.includes(status));
const pairs = dialStatuses.flatMap((from) => dialStatuses.map((to) => [from, to] as const));

describe('the status of a call', () => {
  test('goes forward, from any stage to any later one, and never back', () => {
    for (const [from, to] of pairs) {
      const change = () => newInRow(row({ dialStatus: from }), { dialStatus: to });
      if (stageOf(to) < stageOf(from))
        expect(change, `${from} to ${to}`).toThrow('The status of a call does not go back');
      else expect(change(), `${from} to ${to}`).toEqual(from === to ? {} : { dialStatus: to });
    }
  });

  test('that its platform never told is over: it can be told how it ended, and not that it lives', () => {
    expect(newInRow(row({ dialStatus: null }), { dialStatus: 'ANSWERED' })).toEqual({ dialStatus: 'ANSWERED' });
    expect(() => newInRow(row({ dialStatus: null }), { dialStatus: 'DIAL' })).toThrow('does not go back');
  });
});

describe('the end of a call', () => {
  test('brings the duration that follows from it', () => {
    expect(newInRow(row(), { endedAt: 4000 })).toEqual({ endedAt: 4000, durationMs: 3000 });
    expect(newInRow(row({ endedAt: 4000, durationMs: 3000 }), { endedAt: 5000 })).toEqual({
      endedAt: 5000,
      durationMs: 4000,
    });
  });

  test('leaves a duration alone that was given, and gives way to one that comes with it', () => {
    expect(newInRow(row({ endedAt: 4000, durationMs: 2500 }), { endedAt: 5000 })).toEqual({ endedAt: 5000 });
    expect(newInRow(row(), { endedAt: 4000, durationMs: 2500 })).toEqual({ endedAt: 4000, durationMs: 2500 });
    expect(newInRow(row(), { durationMs: 7 })).toEqual({ durationMs: 7 });
  });

  test('of which nobody knows when it began brings none', () => {
    expect(newInRow(row({ startedAt: null }), { endedAt: 4000 })).toEqual({ endedAt: 4000 });
  });

  test('is never before its start', () => {
    expect(() => newInRow(row(), { endedAt: 999 })).toThrow('The call would end before it began');
    expect(newInRow(row(), { endedAt: 1000 })).toEqual({ endedAt: 1000, durationMs: 0 });
  });
});

test('what a row says already is nothing new', () => {
  const said = { dialStatus: 'BUSY', endedAt: 4000, durationMs: 3000 } as const;
  expect(newInRow(row(said), said)).toEqual({});
  expect(newInRow(row(said), {})).toEqual({});
  expect(newInRow(row({ endedAt: 4000 }), { dialStatus: 'DIAL' })).toEqual({});
});

describe('the time until which a call is retained', () => {
  test('is moved in either direction, and by nothing that is silent of it', () => {
    expect(newInRow(row(), { retainUntil: 2000 })).toEqual({ retainUntil: 2000 });
    expect(newInRow(row({ retainUntil: 2000 }), { retainUntil: 1000 })).toEqual({ retainUntil: 1000 });
    expect(newInRow(row({ retainUntil: 2000 }), { retainUntil: 2000 })).toEqual({});
    expect(newInRow(row({ retainUntil: 2000 }), {})).toEqual({});
  });
});
