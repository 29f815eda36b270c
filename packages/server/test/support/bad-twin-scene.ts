import { expect } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import { wrongWord } from './bad-values.ts';
import { holdings } from './creovai-forms.ts';
import { startApp, type TestApp } from './harness.ts';
import { TwinWire, wholeCall } from './twin-wire.ts';
import type { TwinAsked, TwinNamed, TwinRoute } from './twin24-routes.ts';

/** What must never come back in an error, nor be logged, whoever sent it. */
export const twinMarks = {
  phone: '79261230142',
  variable: 'marked-variable-77',
  session: 'marked-session-78',
  said: 'marked-words-79',
  task: 'marked-task-80',
  word: wrongWord,
};

export type TwinError = { statusCode: number; headers: Record<string, unknown>; body: string };

/** An archive with one campaign, one candidate and one call in it, on which bad input is tried. */
export type BadTwinScene = {
  app: TestApp;
  wire: TwinWire;
  named: TwinNamed;
  before: Awaited<ReturnType<typeof everything>>;
};

export async function startTwinScene(): Promise<BadTwinScene> {
  const app = await startApp({ workers: 0 });
  await app.listen();
  const { wire, named } = await company(app);
  return { app, wire, named, before: await everything(app) };
}

/** A company with one of everything, and how requests name it. */
export async function company(app: TestApp): Promise<{ wire: TwinWire; named: TwinNamed; tenant: Tenant }> {
  const wire = await TwinWire.start(app);
  const taskId = await wire.task({ name: twinMarks.task });
  const variables = { word: twinMarks.variable };
  const candidateId = await wire.candidate(taskId, { phone: [twinMarks.phone], variables });
  const callId = await wire.call({
    candidateId,
    sessionId: twinMarks.session,
    participants: [{ role: 'customer', phone: twinMarks.phone }],
    variables,
    results: { said: twinMarks.said },
    transcript: [{ role: 'customer', text: twinMarks.said }],
    startedAt: wholeCall.startedAt,
  });
  const recordPath = String((await wire.row(callId, 'recordPath'))?.['recordPath']);
  const link = recordPath.slice(recordPath.lastIndexOf('/') + 1);
  const number = String(wire.user.user.number);
  return { wire, tenant: wire.tenant, named: { callId, candidateId, taskId, link, number, phone: twinMarks.phone } };
}

/** All that requests can bring into the archive or out of it. */
export async function everything(app: TestApp) {
  const { reads } = app.engine.store;
  const audit = await reads.audit.page('', 10_000);
  return {
    ...(await holdings(app)),
    rows: await reads.calls.page('', 1000),
    tasks: await reads.tasks.page('', 1000),
    candidates: await reads.candidates.page('', 1000),
    slots: (await reads.artifacts.page(0, 1000)).map(({ slot, kind, ownerId }) => `${slot} ${kind} ${ownerId}`),
    events: await reads.events.page('', 1000),
    tombstones: await reads.tombstones.page('', 1000),
    // Its own new users apart, which tests make to look.
    audit: audit.flatMap(({ id, event }) => (event.startsWith('user.') || event.startsWith('client.') ? [] : [id])),
  };
}

/** After every refusal: nothing was stored, nothing erased, and the call that was there still plays. */
export async function expectTwinUntouched({ app, wire, named, before }: BadTwinScene): Promise<void> {
  const { slots, ...now } = await everything(app);
  const ofUsers = (all: readonly string[]) => all.filter((slot) => !/ user | tenant /.test(slot));
  expect({ ...now, slots: ofUsers(slots) }).toEqual({ ...before, slots: ofUsers(before.slots) });
  expect(await wire.hasAudio(named.callId)).toBe(true);
}

export async function endTwinScene({ app }: BadTwinScene): Promise<void> {
  await app.close();
  for (const mark of Object.values(twinMarks)) expect(app.logged.join('\n')).not.toContain(mark);
  expect(app.logged.filter((line) => line.includes('http.failed'))).toEqual([]);
}

/** Sends a request with a token, or without any. */
export async function askTwin(
  app: TestApp,
  route: Pick<TwinRoute, 'method'>,
  token: string | undefined,
  { address, text }: TwinAsked,
): Promise<TwinError> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const whole = { method: route.method, url: address };
  if (text === undefined) return await app.http.inject({ ...whole, headers: authorization });
  const headers = { ...authorization, 'content-type': 'application/json' };
  return await app.http.inject({ ...whole, headers, payload: text });
}

/** A refusal in the vendor's form that repeats nothing marked. */
export function twinRefused(answer: TwinError, status: number, words?: RegExp): void {
  expect(answer.statusCode, answer.body).toBe(status);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
  const { error, ...rest } = JSON.parse(answer.body) as Record<string, unknown>;
  expect(typeof error === 'string' && error.length > 0).toBe(true);
  expect(rest).toEqual({});
  if (words !== undefined) expect(error).toMatch(words);
  for (const mark of Object.values(twinMarks)) expect(answer.body).not.toContain(mark);
}
