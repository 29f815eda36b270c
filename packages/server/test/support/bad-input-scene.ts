import { expect } from 'vitest';
import { archiveCall, audio, callInfo, formOf, formType, holdings, sendForm, type TestPart } from './creovai-forms.ts';
import { startApp, type TestApp } from './harness.ts';
import { rawRequest } from './raw-http.ts';

/** What must never come back in an error, nor be logged, whoever sent it. */
export const marked = {
  phone: '+15125550142',
  digits: '5125550142',
  session: 'marked-session-77',
  metadata: 'marked-metadata-78',
};

/** The largest recording that the scene's archive takes. */
export const limitBytes = 64 * 1024;

export const idRoutes = ['/purge/v1/calls', '/purge/v1/calls/sessions'];
export const customerRoute = '/purge/v1/calls/customer';
export const statusRoute = '/callCapture/v1/status';
export const jsonRoutes = [...idRoutes, customerRoute, statusRoute];

/** A call full of marked values. */
export function markedCall(sessionId: string, change: Record<string, unknown> = {}): Record<string, unknown> {
  return callInfo(sessionId, { metadata: { note: marked.metadata }, ...change });
}

type Answer = { statusCode: number; headers: Record<string, unknown>; body: string };

/** An archive with one call in it, on which bad input is tried. */
export type Scene = {
  app: TestApp;
  origin: string;
  token: string;
  /** The one call, of session `marked.session`. */
  callId: string;
  before: Awaited<ReturnType<typeof holdings>>;
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
  return Object.assign(scene, { app, origin: await app.listen(), token, callId, before: await holdings(app) });
}

/** After every refusal: nothing was stored, nothing erased, and the call that was there still plays. */
export async function expectUntouched(scene: Scene): Promise<void> {
  scene.aheadMs = 0;
  expect(await holdings(scene.app)).toEqual(scene.before);
  const headers = { authorization: `Bearer ${await scene.app.token(['calls:read'])}` };
  const url = `/v1/calls/${scene.callId}/recording`;
  const recording = await scene.app.http.inject({ method: 'GET', url, headers });
  expect(recording.rawPayload.equals(audio)).toBe(true);
}

export async function endScene({ app }: Scene): Promise<void> {
  await app.close();
  for (const mark of Object.values(marked)) expect(app.logged.join('\n')).not.toContain(mark);
}

/** A refusal in the vendor's form that repeats nothing marked. */
export function refused(answer: Answer, status: number, words?: RegExp): void {
  expect(answer.statusCode, answer.body).toBe(status);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  const { message, ...rest } = JSON.parse(answer.body) as Record<string, unknown>;
  expect(typeof message === 'string' && message.length > 0).toBe(true);
  expect(rest).toEqual({});
  if (words !== undefined) expect(message).toMatch(words);
  for (const mark of Object.values(marked)) expect(answer.body).not.toContain(mark);
}

/** Sends a form that must be refused. */
export async function refusedForm(
  { app, token }: Scene,
  parts: readonly TestPart[],
  status: number,
  words: RegExp,
): Promise<void> {
  refused(await sendForm(app, token, formOf(parts)), status, words);
}

export function archiveRequest({ token }: Scene, form: Buffer): Buffer {
  const headers = [`Authorization: Bearer ${token}`, `Content-Type: ${formType}`];
  return rawRequest('POST /callCapture/v1/archive', headers, form);
}

/** The same part under a name that nobody reads. */
export function renamed({ headers, body }: TestPart): TestPart {
  return { headers: headers.map((line) => line.replace('"data"', '"other"')), body };
}
