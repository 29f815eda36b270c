import { expect } from 'vitest';
import { wrongWord } from './bad-values.ts';
import { type Answer, type Asked, ask } from './creovai-asking.ts';
import type { Named } from './creovai-bodies.ts';
import { archiveCall, audio, callInfo, holdings, type TestPart } from './creovai-forms.ts';
import type { CreovaiRoute } from './creovai-routes.ts';
import { startApp, type TestApp } from './harness.ts';

/** What must never come back in an error, nor be logged, whoever sent it. */
export const marked = {
  phone: '+15125550142',
  digits: '5125550142',
  session: 'marked-session-77',
  metadata: 'marked-metadata-78',
  master: 'marked-master-79',
  email: 'marked-mail@example.com',
  word: wrongWord,
};

/** The largest recording that the scene's archive takes. */
export const limitBytes = 64 * 1024;

/** A call full of marked values, in the words of the first generation. */
export function markedCall(sessionId: string, change: Record<string, unknown> = {}): Record<string, unknown> {
  return callInfo(sessionId, {
    masterCallId: marked.master,
    caseReferenceId: 'case',
    collectionId: 'collection',
    audio: { format: 'mp3' },
    metadata: { note: marked.metadata },
    ...change,
  });
}

/** An archive with one call in it, on which bad input is tried. */
export type Scene = {
  app: TestApp;
  origin: string;
  token: string;
  /** The one call, of session `marked.session`. */
  callId: string;
  /** How requests name it. */
  named: Named;
  before: Awaited<ReturnType<typeof everything>>;
  /** How far the archive's clock is ahead; back to 0 after each test. */
  aheadMs: number;
  /** Called when an upload has its row and its slots. */
  onNamed: () => void;
};

export async function startScene(): Promise<Scene> {
  const clock = { now: () => Date.now() + scene.aheadMs };
  const faults = { at: (point: string) => (point === 'archive:named' ? scene.onNamed() : undefined) };
  const env = { TACET_MAX_UPLOAD: String(limitBytes) };
  const starting = { aheadMs: 0, onNamed: () => undefined };
  const scene: Pick<Scene, 'aheadMs' | 'onNamed'> = starting;
  const app = await startApp({ clock, faults, env, workers: 0 });
  const token = await app.token();
  const callId = await archiveCall(app, token, markedCall(marked.session));
  const named = {
    callId,
    session: marked.session,
    master: marked.master,
    case: 'case',
    collection: 'collection',
    phone: marked.phone,
    email: marked.email,
  };
  return Object.assign(scene, {
    app,
    origin: await app.listen(),
    token,
    callId,
    named,
    before: await everything(app),
  });
}

/** All that requests can bring into the archive or out of it: beside what it holds, events, tombstones and trails. */
async function everything(app: TestApp) {
  const { reads } = app.engine.store;
  const audit = await reads.audit.page('', 10_000);
  return {
    ...(await holdings(app)),
    events: (await reads.events.page('', 1000)).map(({ id }) => id),
    tombstones: (await reads.tombstones.page('', 1000)).map(({ callId }) => callId),
    audit: audit.flatMap(({ id, event }) => (/^(call|erasure|hold)\./.test(event) ? [id] : [])),
  };
}

/** After every refusal: nothing was stored, nothing erased, and the call that was there still plays. */
export async function expectUntouched(scene: Scene): Promise<void> {
  scene.aheadMs = 0;
  expect(await everything(scene.app)).toEqual(scene.before);
  const headers = { authorization: `Bearer ${scene.token}` };
  const url = `/v1/calls/${scene.callId}/recording`;
  const recording = await scene.app.http.inject({ method: 'GET', url, headers });
  expect(recording.rawPayload.equals(audio)).toBe(true);
}

export async function endScene({ app }: Scene): Promise<void> {
  await app.close();
  for (const mark of Object.values(marked)) expect(app.logged.join('\n')).not.toContain(mark);
  expect(app.logged.filter((line) => line.includes('http.failed'))).toEqual([]);
}

/** A refusal in the vendor's form that repeats nothing marked. */
export function refused(answer: Answer, status: number, words?: RegExp): void {
  expect(answer.statusCode, answer.body).toBe(status);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
  const { message, ...rest } = JSON.parse(answer.body) as Record<string, unknown>;
  expect(typeof message === 'string' && message.length > 0).toBe(true);
  expect(rest).toEqual({});
  if (words !== undefined) expect(message).toMatch(words);
  for (const mark of Object.values(marked)) expect(answer.body).not.toContain(mark);
}

/** Sends a request with the scene's token that must be refused. */
export async function refusedAt(
  { app, token }: Scene,
  route: CreovaiRoute,
  asked: Asked,
  status: number,
  words?: RegExp,
): Promise<void> {
  refused(await ask(app, route, token, asked), status, words);
}

/** The same part under a name that nobody reads. */
export function renamed({ headers, body }: TestPart): TestPart {
  return { headers: headers.map((line) => line.replace('"data"', '"other"')), body };
}
