/** Somebody who asks operations of the native API, and holds every answer against the schema that is published of it. */
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { expect } from 'vitest';
import { operations } from '../../src/http/native/operations.ts';
import type { Scope } from '../../src/model/tenant.ts';
import type { TestApp } from './harness.ts';

export type OperationAnswer = { status: number; headers: Record<string, unknown>; body: Record<string, unknown> };

export type Asking = {
  body?: unknown;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  /** `Idempotency-Key`. */
  key?: string;
};

const problemFields = ['type', 'title', 'status', 'detail', 'code'];

export class OperationClient {
  readonly #app: TestApp;
  readonly #token: string;

  constructor(app: TestApp, token: string) {
    this.#app = app;
    this.#token = token;
  }

  static async within(app: TestApp, scopes?: readonly Scope[]): Promise<OperationClient> {
    return new OperationClient(app, await app.token(scopes));
  }

  /** Asks the operation of this id; `id` is that of the resource, percent-encoded where it has to be. */
  async ask(operationId: string, id = '', { body, query, headers, key }: Asking = {}): Promise<OperationAnswer> {
    const operation = operations.find((one) => one.id === operationId);
    if (operation === undefined) throw new Error(`there is no operation ${operationId}`);
    const url = `/v1${operation.path.replace(/:\w+/, () => id)}`;
    const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
    const answer = await this.#app.http.inject({
      method: operation.method,
      url,
      headers: {
        ...(operation.scopes.length > 0 && this.#token !== '' && { authorization: `Bearer ${this.#token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
        ...headers,
      },
      ...(query !== undefined && { query }),
      ...(body !== undefined && { payload: isRaw ? body : JSON.stringify(body) }),
    });
    const text = answer.body;
    const said = answer.json<Record<string, unknown>>();
    const promised = operation.answers[answer.statusCode]?.content;
    if (answer.statusCode >= 400 && promised === undefined) {
      expect(answer.headers['content-type'], text).toBe('application/problem+json');
      expect(problemFields, text).toEqual(expect.arrayContaining(Object.keys(said)));
      expect(said['status']).toBe(answer.statusCode);
    } else {
      if (promised === undefined || promised === null || 'media' in promised) throw new Error(`no schema of: ${text}`);
      expect(Check(promised as TSchema, said), `not as its schema says: ${text}`).toBe(true);
    }
    return { status: answer.statusCode, headers: answer.headers, body: said };
  }

  /** The same, of which the status and, where it is a problem, the code are the whole question. */
  async outcome(...asked: Parameters<OperationClient['ask']>): Promise<string> {
    const { status, body } = await this.ask(...asked);
    return status >= 400 ? `${status} ${String(body['code'])}` : String(status);
  }
}

/** What the audit trail says of a subject, by the letters: rows of one moment have no order. */
export async function audited(app: TestApp, subjectId: string): Promise<string[]> {
  const rows = await app.engine.store.reads.audit.page('', 100_000);
  return rows
    .filter((row) => row.subjectId === subjectId)
    .map((row) => row.event)
    .sort();
}
