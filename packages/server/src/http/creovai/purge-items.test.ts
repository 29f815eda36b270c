import { expect, test } from 'vitest';
import { toInteractionPurgeItem, toPurgeItem } from './purge-items.ts';

test.each([
  ['purging', 'Purging', null],
  ['not_found', 'NotFound', null],
  ['held', 'Error', 'legal hold'],
  ['incomplete', 'Error', 'interaction is incomplete'],
  ['would_purge', 'WhatIf', null],
] as const)('a purge item that is %s says %s, with all four keys of its version', (standing, status, errorMsg) => {
  for (const [callId, sessionId] of [
    ['c', null],
    [null, 's'],
  ] as const) {
    const item = { callId, sessionId, standing };
    expect(toPurgeItem(item)).toStrictEqual({ callId, sessionId, status, errorMsg });
    expect(toInteractionPurgeItem(item)).toStrictEqual({ id: callId, sessionId, status, errorMsg });
  }
});
