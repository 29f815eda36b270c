import type { scopes } from '../../model/tenant.ts';
import { exampleOf, saysSomething } from './curl-example.ts';
import type { MediaContent, OpenapiDocument, OperationObject, PathItem } from './openapi-document.ts';
import { keyParameter, operationObject, templateOf, tokenScheme } from './openapi-operation.ts';
import { answerHeaders, ProblemWriter, problemSchema } from './openapi-problems.ts';
import { SchemaWriter } from './openapi-schemas.ts';
import type { Operation, OperationFacts } from './operation.ts';

/** The version of the API, not of the program: it changes with what clients have to know. */
const version = '1.0.0';

const description = `Previews, executes and proves the erasure of recorded calls, and archives them.

Every write takes an \`Idempotency-Key\`. Lists come newest first, a page at a time: \`next\` of one page is the \`cursor\` of the
next, and null on the last. Times are ISO 8601 in UTC. Ids that nobody knows, and those of another tenant, are answered alike
with 404.

Errors are problem details (RFC 9457, \`application/problem+json\`); their \`code\` is stable. An address under \`/v1\` that is not
listed here answers 404 \`not_found\`, or 405 \`method_not_allowed\` with \`Allow\` where it exists for another method.

Where a rate limit is configured (\`TACET_RATE_LIMIT\`), it counts the requests of each client by the minute, in each process
by itself; the \`RateLimit-*\` headers tell what is left. Requests for tokens are not counted.`;

const scopeWords: Readonly<Record<(typeof scopes)[number], string>> = {
  'calls:write': 'Archive calls, change them and add to them',
  'calls:read': 'Read calls, their recordings and transcripts',
  'erasures:preview': 'Make plans of erasures, and cancel your own; read erasures, their items, events and receipts',
  'erasures:execute': 'Execute, approve, cancel and retry erasures; make and read them, too',
  'holds:write': 'Place, read and release legal holds',
  'audit:read': 'Read and export the audit log',
  admin: 'Clients, users, settings and retention',
};

const tagWords: Readonly<Record<OperationFacts['tag'], string>> = {
  Calls: 'Recorded interactions: calls, chats and cases.',
  Erasures: 'A plan of what is to be erased, its execution, and the proof.',
  Holds: 'What is under a legal hold is not erased until the hold is released.',
  Clients: 'Programs that use the API.',
  Users: 'People who log in.',
  Audit: 'Who did what, append-only and chained.',
  Settings: 'The guard against erasing too much, and for how long calls are kept.',
  Tokens: 'Credentials become a token, which opens every surface within its scopes.',
  About: 'The API about itself.',
};

/**
 * The OpenAPI document of operations: the same facts and schemas by which they are served. Throws `Bug` where two of them
 * have the same id, or different schemas the same title.
 */
export function openapiOf(operations: readonly Operation[]): OpenapiDocument {
  const [schemas, problems] = [new SchemaWriter(), new ProblemWriter()];
  const paths: { [path: string]: PathItem } = {};
  for (const operation of operations) {
    const template = templateOf(operation.path);
    const item: PathItem = paths[template] ?? {};
    item[operation.method.toLowerCase()] = operationObject(operation, { schemas, problems });
    paths[template] = item;
  }
  const tags = [...new Set(operations.map(({ tag }) => tag))];
  return withExamples({
    openapi: '3.1.1',
    info: { title: 'Tacet', version, description, license: { name: 'Apache 2.0', identifier: 'Apache-2.0' } },
    servers: [
      { url: '/', description: 'Where this document was loaded from' },
      { url: 'http://127.0.0.1:8484', description: 'What `npm start` serves' },
    ],
    security: [{ [tokenScheme]: [] }],
    tags: tags.map((name) => ({ name, description: tagWords[name] })),
    paths,
    components: {
      securitySchemes: {
        [tokenScheme]: {
          type: 'oauth2',
          description:
            'A bearer token (RFC 6750), from `/v1/token`, or from either vendor surface, where users log in, too. Of the ' +
            'scopes that an operation names, any one opens it.',
          flows: { clientCredentials: { tokenUrl: '/v1/token', scopes: scopeWords } },
        },
      },
      schemas: { ...schemas.named(), Problem: problemSchema },
      parameters: { IdempotencyKey: keyParameter },
      headers: answerHeaders,
      responses: problems.used(),
    },
  });
}

/** The document with an example of every JSON body that says something. */
function withExamples(document: OpenapiDocument): OpenapiDocument {
  const paths = Object.entries(document.paths).map(([path, item]) => {
    const operations = Object.entries(item).map(([method, one]) => [method, withExample(document, one)] as const);
    return [path, Object.fromEntries(operations)] as const;
  });
  return { ...document, paths: Object.fromEntries(paths) };
}

function withExample(document: OpenapiDocument, operation: OperationObject): OperationObject {
  const { requestBody } = operation;
  const json = requestBody?.content['application/json'];
  if (requestBody === undefined || json?.schema === undefined || !saysSomething(document, json.schema))
    return operation;
  const example = exampleOf(document, json.schema);
  const content: MediaContent = { ...requestBody.content, 'application/json': { ...json, example } };
  return { ...operation, requestBody: { ...requestBody, content } };
}

/** Every operation of a document, with its address and method, in the order of the document. */
export function operationsIn(
  document: OpenapiDocument,
): { path: string; method: string; operation: OperationObject }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
}
