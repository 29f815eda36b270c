import { expect } from 'vitest';
import { openJson } from '../../src/engine/artifacts.ts';
import type { Artifact, CallArtifactKind } from '../../src/model/call.ts';
import { formOf, formType, type TestPart } from './creovai-forms.ts';
import type { TestApp } from './harness.ts';

/** A whole answer, its body parsed. */
export type Answer = { status: number; type: string | null; body: Record<string, unknown> };

/** Sends calls, chats and cases of either generation over real HTTP, as one API client. */
export class CaptureClient {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Posts an object as JSON, or text as it stands. */
  async post(path: string, body: unknown, contentType = 'application/json'): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return await this.#send(path, contentType, text);
  }

  /** Posts a form of these parts. */
  async form(path: string, parts: readonly TestPart[]): Promise<Answer> {
    return await this.#send(path, formType, formOf(parts));
  }

  /** The status word of a session. */
  async status(sessionId: string): Promise<unknown> {
    const { body } = await this.post('/callCapture/v1/status', { callSessionIds: [sessionId] });
    return (body['callSessions'] as { status: string }[])[0]?.status;
  }

  /** Purges, and gives the items of the answer. */
  async purge(path: string, body: object): Promise<unknown> {
    const answer = await this.post(path, body);
    expect(answer.status).toBe(200);
    return answer.body['items'];
  }

  async #send(path: string, contentType: string, body: string | Buffer): Promise<Answer> {
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': contentType };
    const answer = await fetch(`${this.#url}${path}`, { method: 'POST', headers, body });
    const parsed = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, type: answer.headers.get('content-type'), body: parsed };
  }
}

/** What an archived call keeps under one of its keys, opened; undefined where it has no such artifact. */
export async function stored(app: TestApp, callId: string, kind: Exclude<CallArtifactKind, 'recording'>) {
  const artifacts = await app.engine.store.reads.artifacts.ofOwner(callId);
  const artifact: Artifact | undefined = artifacts.find((one) => one.kind === kind);
  return artifact && (await openJson<Record<string, unknown>>(app.engine, artifact));
}

/** A refusal in the vendor's form. */
export function expectRefused({ status, type, body }: Answer, expected: number, words: RegExp): void {
  expect({ status, type, body }).toEqual({
    status: expected,
    type: 'application/json; charset=utf-8',
    body: { message: expect.stringMatching(words) as unknown },
  });
}
