/** Searches of Twin24's statistics, as its clients send them. */
import { expect } from 'vitest';
import type { TestApp } from './harness.ts';

export type Row = Record<string, unknown>;
export type Found = { count: number; items: Row[] };

export const searchPath = '/analyse/api/v1/search/cis/sessions';

/** The raw answer to a query, given as it stands behind the question mark or as its parameters. */
export async function searchAnswer(app: TestApp, token: string, query: string | Record<string, string>) {
  const text = typeof query === 'string' ? query : new URLSearchParams(query).toString();
  const headers = { authorization: `Bearer ${token}` };
  return await app.http.inject({ method: 'GET', url: `${searchPath}?${text}`, headers });
}

/** What a query finds. */
export async function search(app: TestApp, token: string, query: string | Record<string, string>): Promise<Found> {
  const answer = await searchAnswer(app, token, query);
  expect(answer.statusCode, answer.payload).toBe(200);
  return answer.json();
}

/** The row of a call; fails where there is none. */
export async function rowOf(app: TestApp, token: string, callId: string): Promise<Row> {
  const { count, items } = await search(app, token, { id: callId });
  expect(count).toBe(1);
  const [row] = items;
  if (items.length !== 1 || row === undefined) throw new Error('the call has no row');
  return row;
}

/** Ids of the calls that a query finds, in its order. */
export async function idsFound(app: TestApp, token: string, query: Record<string, string>): Promise<unknown[]> {
  const { count, items } = await search(app, token, { ...query, fields: 'id' });
  expect(count).toBe(items.length);
  return items.map((row) => row['id']);
}
