/** Requests made of nothing but the document of the API and the ids that an archive has. */
import fc from 'fast-check';
import { isJsonObject } from '../../src/http/json-in.ts';
import { operationsIn } from '../../src/http/native/openapi.ts';
import type { JsonSchema, MediaContent, OpenapiDocument } from '../../src/http/native/openapi-document.ts';
import { formOf, formType } from './creovai-forms.ts';
import type { FuzzScene } from './fuzz-scene.ts';
import { callPart, recordingPart } from './native-client.ts';
import { fitting, hostile, inPlace, mark, spoiled, type Words } from './schema-arbitrary.ts';

export type FuzzedRequest = {
  /** Of the operation; its place in the document. */
  index: number;
  method: string;
  path: string;
  headers: Record<string, string | string[]>;
  body: Buffer | undefined;
};

type Listed = ReturnType<typeof operationsIn>[number];

/** Requests to all operations of a document: good ones, nearly good ones, and such as nobody should send. */
export function fuzzedRequests(document: OpenapiDocument, scene: FuzzScene): fc.Arbitrary<FuzzedRequest> {
  return fc.oneof(...operationsIn(document).map((listed, index) => requestTo(document, listed, index, scene)));
}

function requestTo(
  document: OpenapiDocument,
  listed: Listed,
  index: number,
  scene: FuzzScene,
): fc.Arbitrary<FuzzedRequest> {
  const { method, operation } = listed;
  const words = wordsOf(scene);
  return fc
    .record({
      path: pathOf(listed, scene),
      query: queryOf(document, listed, words),
      token: fc.oneof({ weight: 12, arbitrary: fc.constant(scene.token) }, fc.constantFrom(scene.narrow, mark, 'none')),
      key: keyOf(method),
      sent: bodyOf(document, operation.requestBody?.content, words),
      range: fc.option(fc.constantFrom('bytes=0-9', 'bytes=99999-', `bytes=${mark}`), { freq: 6 }),
      accept: fc.option(fc.constantFrom('application/x-ndjson', 'application/json', mark), { freq: 5 }),
    })
    .map(({ path, query, token, key, sent, range, accept }) => {
      const headers: FuzzedRequest['headers'] = {};
      if (token !== 'none') headers['authorization'] = `Bearer ${token}`;
      if (key !== undefined) headers['idempotency-key'] = key;
      if (sent?.type !== undefined) headers['content-type'] = sent.type;
      if (range !== null) headers['range'] = range;
      if (accept !== null) headers['accept'] = accept;
      if (sent?.body !== undefined) headers['content-length'] = String(sent.body.length);
      return { index, method, path: `${path}${query}`, headers, body: sent?.body };
    })
    .map((request) => withOwnDigest(request, scene));
}

/** Of the digests that a body may name, that of the erasure in the path, as a client that has seen it would say. */
function withOwnDigest(request: FuzzedRequest, { own }: FuzzScene): FuzzedRequest {
  const [, id = ''] = /^\/v1\/erasures\/([^/?]+)/.exec(request.path) ?? [];
  const digest = own.digests.get(id);
  const text = request.body?.toString() ?? '';
  if (digest === undefined || ![...own.digests.values()].some((one) => text.includes(one))) return request;
  const body = Buffer.from(text.replace(/"digest":"[^"]*"/, `"digest":"${digest}"`));
  return { ...request, body, headers: { ...request.headers, 'content-length': String(body.length) } };
}

/** The ids and the like that a field may hold, some of the other tenant's among them. */
function wordsOf({ own, foreign }: FuzzScene): Words {
  const both = (noun: 'calls' | 'candidates' | 'clients' | 'erasures') => [...own[noun], ...foreign[noun]];
  const byField: Readonly<Record<string, readonly string[]>> = {
    calls: both('calls'),
    candidates: [...both('candidates'), ...own.calls],
    candidateId: [...both('candidates'), ...own.calls.slice(0, 2)],
    sessions: ['other-1', 'other-2', 'late-1'],
    externalIds: ['ext-1', 'ext-2', 'nobody'],
    phones: ['+15125550142', '(512) 555-0143', '1001', 'no digits'],
    emails: ['c1@example.com', ' C2@Example.com ', ''],
    digest: [...own.digests.values(), ...foreign.digests.values()],
    email: ['new-1@example.com', 'new-2@example.com', 'u1-other@example.com'],
    actor: both('clients'),
    subject: [...both('erasures'), ...both('clients')],
    // OAuth compares what it is given with what it knows.
    grant_type: ['client_credentials'],
  };
  return (field) => byField[field] ?? [];
}

function pathOf({ path }: Listed, { own, foreign }: FuzzScene): fc.Arbitrary<string> {
  const [, noun = ''] = /^\/v1\/(\w+)\/\{id\}/.exec(path) ?? [];
  const held = (holdings: object): string[] =>
    Object.entries(holdings).flatMap(([name, ids]): string[] => (name === noun && Array.isArray(ids) ? ids : []));
  const known = [...held(own), ...held(own), ...held(foreign)];
  const odd = [
    '0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708',
    mark,
    `${mark}\u0000`,
    '%',
    'call',
    'chat',
    'case',
    '0',
    'é\u202e',
    'x'.repeat(3000),
  ];
  // Only one erasure has a receipt.
  const good = path.endsWith('/receipt') ? own.erasures.slice(0, 1) : [];
  const ids = known.length === 0 ? odd : [...known, ...known, ...known, ...odd, ...Array(20).fill(good).flat()];
  const written = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...ids).map((id) => encodeURIComponent(id)) },
    { weight: 1, arbitrary: fc.constantFrom(...asWritten) },
  );
  return written.map((id) => path.replace(/\{\w+\}/g, () => id));
}

function queryOf(document: OpenapiDocument, { operation }: Listed, words: Words): fc.Arbitrary<string> {
  const parameters = (operation.parameters ?? []).flatMap((one) => ('$ref' in one || one.in !== 'query' ? [] : [one]));
  const given = parameters.map(({ name, schema }) =>
    fc.oneof(
      { weight: 20, arbitrary: fc.constant<string[]>([]) },
      {
        weight: 6,
        arbitrary: fitting(inPlace(document, schema), words, name).map((value) => [`${name}=${encoded(value)}`]),
      },
      { weight: 1, arbitrary: odd(name).map((value) => [`${name}=${encoded(value)}`]) },
      { weight: 1, arbitrary: fc.constant([`${name}=1`, `${name}=${mark}`]) },
      { weight: 1, arbitrary: fc.constantFrom(...asWritten).map((text) => [`${name}=${text}`]) },
    ),
  );
  const stray = fc.oneof(
    { weight: 15, arbitrary: fc.constant<string[]>([]) },
    fc.constantFrom([`${mark}=1`], ['%=%'], ['__proto__=1']),
  );
  return fc.tuple(stray, ...given).map((lists) => {
    const all = lists.flat();
    return all.length === 0 ? '' : `?${all.join('&')}`;
  });
}

/** Steps and values of an address that are sent as they stand: encoded twice, cut short, no UTF-8. */
const asWritten = ['%00', '%2500', `${mark}%00`, '%ED%A0%80', '%EF%BF%BF', '%FF', '%', '%u0000', '%2F%2e%2e'];

/** A wait that is none, too, but never a long one. */
function odd(name: string): fc.Arbitrary<unknown> {
  return name === 'wait' ? fc.constantFrom<unknown>(mark, -1, 1e9, 0.5, '') : hostile;
}

function encoded(value: unknown): string {
  const text = typeof value === 'string' ? value : String(JSON.stringify(value));
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd').slice(0, 3000));
}

function keyOf(method: string): fc.Arbitrary<string | string[] | undefined> {
  if (method === 'GET') return fc.constant(undefined);
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 3, arbitrary: fc.uuid() },
    { weight: 2, arbitrary: fc.constantFrom('same-1', 'same-2', '"quoted"') },
    { weight: 1, arbitrary: fc.constantFrom<string | string[]>('', 'two words', 'x'.repeat(256), [mark, mark], mark) },
  );
}

type Sent = { type: string | undefined; body: Buffer | undefined };

function bodyOf(
  document: OpenapiDocument,
  content: MediaContent | undefined,
  words: Words,
): fc.Arbitrary<Sent | undefined> {
  if (content === undefined) return fc.constant(undefined);
  const good = fc.oneof(
    ...Object.entries(content).map(([media, { schema }]) =>
      goodBody(media, schema && inPlace(document, schema), words),
    ),
  );
  const wrongType = fc.constantFrom(
    undefined,
    '',
    'text/plain',
    `application/${mark}`,
    ';;',
    'multipart/form-data',
    'application/json; charset=latin1',
  );
  const noJson = [
    '',
    '{',
    `{"${mark}":`,
    '[]',
    'null',
    '1e999',
    `"${mark}"`,
    '\u0000',
    `${'['.repeat(5000)}`,
    `{"a":1,"a":"${mark}"}`,
  ];
  return fc.oneof(
    { weight: 10, arbitrary: good },
    { weight: 1, arbitrary: fc.tuple(good, wrongType).map(([{ body }, type]) => ({ body, type })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(...noJson).map((text) => ({ type: 'application/json', body: Buffer.from(text) })),
    },
    {
      weight: 1,
      arbitrary: fc
        .uint8Array({ maxLength: 60 })
        .map((bytes) => ({ type: 'application/json', body: Buffer.from(bytes) })),
    },
    { weight: 1, arbitrary: fc.constant({ type: undefined, body: undefined }) },
  );
}

function goodBody(media: string, schema: JsonSchema | undefined, words: Words): fc.Arbitrary<Sent> {
  const type = media.replace('*/*', 'audio/ogg').replace('audio/*', 'audio/wav');
  if (schema === undefined) return linesOf(media).map((body) => ({ type, body }));
  const value = fitting(schema, words);
  const nearly = fc.oneof({ weight: 3, arbitrary: value }, { weight: 2, arbitrary: value.chain(spoiled) });
  if (media === 'multipart/form-data') return nearly.map((said) => ({ type: formType, body: formWith(said) }));
  if (media === 'application/x-www-form-urlencoded') {
    return nearly.map((said) => ({ type, body: Buffer.from(isJsonObject(said) ? formText(said) : String(said)) }));
  }
  return nearly.map((said) => ({ type, body: Buffer.from(String(JSON.stringify(said))) }));
}

function formText(fields: object): string {
  const entries = Object.entries(fields).map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
  return entries.join('&');
}

function formWith(said: unknown): Buffer {
  const call = isJsonObject(said) && 'call' in said ? said['call'] : said;
  const parts = [callPart(String(JSON.stringify(call)))];
  if (isJsonObject(said) && 'recording' in said)
    parts.push(recordingPart(Buffer.from(String(JSON.stringify(said['recording'])))));
  return formOf(parts);
}

/** Bytes of a file: audio to some, lines of identifiers to others. */
function linesOf(media: string): fc.Arbitrary<Buffer> {
  const lines = fc.constantFrom(
    'kind,value\nphone,+15125550142\nemail,c1@example.com\n',
    `kind,value\n${mark},1\n`,
    `kind,value\nphone,"${mark}\n`,
    '{"kind":"phone","value":"1001"}\n{"kind":"session","value":"other-1"}\n',
    `{"kind":"${mark}"}\n`,
    '',
  );
  const bytes = fc.uint8Array({ maxLength: 200 }).map((all) => Buffer.from(all));
  return media.startsWith('audio') || media === '*/*'
    ? bytes
    : fc.oneof(
        lines.map((text) => Buffer.from(text)),
        bytes,
      );
}
