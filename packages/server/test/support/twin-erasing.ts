/** Twin24's three methods that erase, as its clients call them. */
import { expect } from 'vitest';
import type { TestApp } from './harness.ts';

/**
 * The columns of the vendor's table of data classes: C is the call's method, K the candidate's, each with its recordings
 * erased (0) or kept (1); R deletes a record.
 */
export const erasingMethods = ['C0', 'C1', 'K0', 'K1', 'R'] as const;
export type ErasingMethod = (typeof erasingMethods)[number];

export type ErasingSubject = { callId: string; candidateId: string };
export type ErasingAnswer = Awaited<ReturnType<typeof askToErase>>;

/** Where a method is asked for. */
export function erasingPath(method: ErasingMethod, { callId, candidateId }: ErasingSubject): string {
  if (method === 'R') return `/calls/${callId}/record`;
  const subject = method.startsWith('C') ? `/calls/${callId}` : `/telephony/autoCallCandidate/${candidateId}`;
  return `${subject}/depersonalization`;
}

/** Asks for one method, behind the gateway, with the flag that its column stands for. */
export async function askToErase(app: TestApp, token: string, method: ErasingMethod, subject: ErasingSubject) {
  const isDelete = method === 'R';
  return await app.http.inject({
    method: isDelete ? 'DELETE' : 'POST',
    url: `/cis/api/v1${erasingPath(method, subject)}`,
    headers: { authorization: `Bearer ${token}`, ...(!isDelete && { 'content-type': 'application/json' }) },
    ...(!isDelete && { payload: JSON.stringify({ skipDeleteRecord: method.endsWith('1') }) }),
  });
}

/** 200 with nothing in it, and nothing said of what is not there. */
export function expectSilence(answer: ErasingAnswer): void {
  expect(answer.statusCode, answer.body).toBe(200);
  expect(answer.body).toBe('');
  expect(answer.headers['content-length']).toBe('0');
  expect(answer.headers).not.toHaveProperty('content-type');
}
