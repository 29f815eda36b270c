import { AppError, type ErrorCode } from '../../model/errors.ts';
import { statusOf } from './errors.ts';
import type { HeaderObject, JsonSchema, Reference, ResponseObject } from './openapi-document.ts';
import type { Operation } from './operation.ts';

/** What can break behind every operation. */
const anywhere: readonly ErrorCode[] = [
  'input_invalid',
  'internal',
  'damage',
  'store_newer',
  'archive_mismatch',
  'archive_moved',
  'archive_restored',
  'blob_failed',
  'store_busy',
  'store_failed',
  'vault_unreachable',
];

/** Problem details (RFC 9457), section 3, as this API says them. */
export const problemSchema: JsonSchema = {
  type: 'object',
  description: 'Problem details (RFC 9457). `code` is stable; `title` and `detail` are for people.',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: { type: 'string', format: 'uri', examples: ['urn:tacet:error:input_invalid'] },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string', description: 'What exactly; never personal data' },
    code: { type: 'string', description: 'One of docs/errors.md' },
  },
  additionalProperties: false,
};

/** The headers of answers that have any beside those of HTTP itself. */
export const answerHeaders = {
  'RateLimit-Limit': whole('Requests a minute that this client may send'),
  'RateLimit-Remaining': whole('How many of them are left'),
  'RateLimit-Reset': whole('Seconds until all of them may be sent again'),
  'Retry-After': whole('Seconds to wait before trying again (RFC 9110, section 10.2.3)'),
  'WWW-Authenticate': { description: 'How to authenticate (RFC 9110, section 11.6.1)', schema: { type: 'string' } },
} as const satisfies Record<string, HeaderObject>;

type HeaderName = keyof typeof answerHeaders;

function whole(description: string): HeaderObject {
  return { description, schema: { type: 'integer', minimum: 0 } };
}

/** References to headers of the document. */
export function headersNamed(names: readonly HeaderName[]): Record<string, Reference> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** The headers of every answer that a client's rate is counted for. */
export const rateHeaders: readonly HeaderName[] = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'];

/** Every code that an operation can answer, by status, in ascending order. */
function codesOf(operation: Operation): Map<number, ErrorCode[]> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...new Set([...commonCodes(operation), ...operation.errors])].sort()) {
    const status = statusOf(code);
    // Some have errors in a form of their own, as their clients expect.
    if (status in operation.answers) continue;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return new Map([...byStatus].sort(([a], [b]) => a - b));
}

/** Those that it need not list by itself. */
function commonCodes(operation: Operation): ErrorCode[] {
  const codes: ErrorCode[] = [...anywhere];
  if (operation.scopes.length > 0) codes.push('token_invalid', 'scope_missing', 'rate_limited');
  if (operation.method !== 'GET') codes.push('media_type_unsupported');
  if (operation.body !== undefined || operation.reads !== undefined) codes.push('upload_too_large', 'upload_cut');
  if (operation.takesKey) codes.push('idempotency_mismatch', 'upload_busy');
  return codes;
}

/** Refusals that many operations share, told once. */
const shared: ReadonlyMap<string, string> = new Map([
  [keyOf(400, ['input_invalid']), 'Invalid'],
  [keyOf(400, ['input_invalid', 'upload_cut']), 'InvalidOrCut'],
  [keyOf(401, ['token_invalid']), 'Unauthorized'],
  [keyOf(403, ['scope_missing']), 'Forbidden'],
  [keyOf(413, ['upload_too_large']), 'TooLarge'],
  [keyOf(415, ['media_type_unsupported']), 'UnsupportedMediaType'],
  [keyOf(422, ['idempotency_mismatch']), 'OtherRequest'],
  [keyOf(429, ['rate_limited']), 'TooManyRequests'],
  [keyOf(500, anywhere), 'Broken'],
  [keyOf(503, anywhere), 'Unavailable'],
  [keyOf(503, [...anywhere, 'upload_busy']), 'UnavailableOrBusy'],
]);

function keyOf(status: number, codes: readonly ErrorCode[]): string {
  return [status, ...codes.filter((code) => statusOf(code) === status).sort()].join(' ');
}

/** The refusals of operations as the document has them, the shared ones by name. */
export class ProblemWriter {
  readonly #used = new Map<string, ResponseObject>();

  /** What an operation answers where it refuses, by status. */
  write(operation: Operation): Record<string, ResponseObject | Reference> {
    const isCounted = operation.scopes.length > 0;
    const written = [...codesOf(operation)].map(([status, codes]) => {
      const name = isCounted ? shared.get(keyOf(status, codes)) : undefined;
      const response = problemResponse(status, codes, isCounted);
      if (name === undefined) return [String(status), response] as const;
      this.#used.set(name, response);
      return [String(status), { $ref: `#/components/responses/${name}` }] as const;
    });
    return Object.fromEntries(written);
  }

  /** The shared ones that were written so far, by name. */
  used(): Record<string, ResponseObject> {
    return Object.fromEntries([...this.#used].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function problemResponse(status: number, codes: readonly ErrorCode[], isCounted: boolean): ResponseObject {
  const headers: HeaderName[] = [];
  if (status === 401) headers.push('WWW-Authenticate');
  if (status === 429 || status === 503) headers.push('Retry-After');
  // Whoever is not known is not counted.
  if (isCounted && status !== 401) headers.push(...rateHeaders);
  return {
    description: codes.map((code) => `\`${code}\`: ${new AppError(code).message}`).join('\n\n'),
    ...(headers.length > 0 && { headers: headersNamed(headers) }),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [{ $ref: '#/components/schemas/Problem' }],
          properties: { status: { const: status }, code: { enum: codes } },
        },
      },
    },
  };
}
