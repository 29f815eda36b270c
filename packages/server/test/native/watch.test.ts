import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlanClient } from '../support/plan-client.ts';
import { until } from '../support/until.ts';

let app: TestApp;
let client: PlanClient;
let token: string;
let url: string;

beforeEach(async () => {
  app = await startApp();
  token = await app.token();
  client = new PlanClient(app, token);
  url = await app.listen();
});
afterEach(async () => await app.close());

type Event = {
  id: string;
  event: string;
  data: { state: string; progress: Record<string, number>; goneAt: string; identifiers: unknown[] | null };
};

/** Server-sent events as they come, comments left out (WHATWG HTML, section 9.2.6). */
async function* events(answer: Response): AsyncGenerator<Event> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
      if (!lines[0]?.startsWith(':')) yield { id: field('id'), event: field('event'), data: JSON.parse(field('data')) };
    }
  }
}

async function watch(id: string, signal?: AbortSignal): Promise<Response> {
  const headers = { authorization: `Bearer ${token}` };
  return await fetch(`${url}/v1/erasures/${id}/events`, { headers, ...(signal && { signal }) });
}

describe('watching an erasure', () => {
  test('is for so many streams of a client at a time, and one that has ended makes room for another', async () => {
    const { body: plan } = await client.plan({ calls: [await client.archive()] });
    const leave = new AbortController();
    const streams = await Promise.all(Array.from({ length: 20 }, async () => await watch(plan.id, leave.signal)));
    expect(streams.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    const refused = await watch(plan.id);
    expect([refused.status, await refused.json()]).toEqual([429, expect.objectContaining({ code: 'rate_limited' })]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const other = await fetch(`${url}/v1/erasures/${plan.id}/events`, {
      headers: { authorization: `Bearer ${await app.token()}` },
      signal: leave.signal,
    });
    expect(other.status).toBe(200);
    leave.abort();
    await until(async () => {
      const again = new AbortController();
      const { status } = await watch(plan.id, again.signal);
      again.abort();
      return status === 200;
    });
    expect((await watch(crypto.randomUUID())).status).toBe(404);
  });

  test('tells what it is at once, each change, and the end, and then closes', async () => {
    const calls = [await client.archive(), await client.archive()];
    const callIds = calls.slice(0, 1);
    const asked = { callIds, identifiers: [], from: null, to: null, reviewAt: null, reason: 'a case' };
    const hold = await placeHold(app.engine, app.caller(), asked);
    const { body: plan } = await client.plan({ calls });
    const answer = await watch(plan.id);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const seen: Event[] = [];
    for await (const event of events(answer)) {
      seen.push(event);
      if (seen.length === 1) await client.execute(plan, { wait: 0 });
      if (event.data.progress['verified'] === 1 && event.data.progress['held'] === 1) {
        await releaseHold(app.engine, app.caller(), hold.id);
      }
    }
    expect(seen[0]).toMatchObject({ id: '1', event: 'progress', data: { state: 'planned' } });
    expect(seen.map(({ data }) => data.identifiers?.length)).toEqual([2, ...seen.slice(1).map(() => undefined)]);
    expect(seen.map(({ id }) => Number(id))).toEqual(seen.map((_, i) => i + 1));
    expect(seen.at(-1)).toMatchObject({ event: 'end', data: { state: 'completed', progress: { verified: 2 } } });
    expect(seen.slice(0, -1).every(({ event }) => event === 'progress')).toBe(true);
  });

  test('of one that has ended is one event', async () => {
    const { body: plan } = await client.plan({ calls: [await client.archive()] });
    await client.execute(plan);
    const seen: Event[] = [];
    for await (const event of events(await watch(plan.id))) seen.push(event);
    expect(seen).toMatchObject([{ event: 'end', data: { state: 'completed' } }]);
  });

  test('of what is not there is refused before anything is streamed', async () => {
    const answer = await watch('018bcfe5-6d67-7eba-afd4-8f874f92eaa2');
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'erasure_not_found' });
  });

  test('ends when the server does, however many watch', async () => {
    const { body: plan } = await client.plan({ calls: [await client.archive()] });
    const watching = await Promise.all(Array.from({ length: 20 }, async () => await watch(plan.id)));
    const firsts = watching.map((answer) => events(answer));
    for (const each of firsts) expect((await each.next()).value).toMatchObject({ event: 'progress' });
    const ends = firsts.map(async (each) => {
      for await (const _event of each);
    });
    await app.http.close();
    expect(await Promise.allSettled(ends)).toHaveLength(20);
  });
});
