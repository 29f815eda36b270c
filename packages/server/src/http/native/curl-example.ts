import { isJsonObject } from '../json-in.ts';
import type { JsonSchema, OpenapiDocument, OperationObject } from './openapi-document.ts';
import { nameOfReference, rowsOf } from './schema-rows.ts';

/**
 * Values that a reader recognises, by the names of fields, and that do no harm where somebody sends them as they stand: no
 * guard is switched off, nothing is kept for a day only. Everything else is made of its schema.
 */
const samples: Readonly<Record<string, unknown>> = {
  calls: ['0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708'],
  phones: ['+15125550142'],
  emails: ['casey@example.com'],
  email: 'casey@example.com',
  reason: 'Claim 4711',
  digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  status: 'ANSWERED',
  days: 400,
  guard: { calls: 5000 },
  password: 'seven words that nobody else has said',
  scopes: ['calls:read'],
  grant_type: 'client_credentials',
};

/** How deep an example goes into a schema that holds others. */
const depthMax = 6;

/** What curl is told about answers that are not for a screen, by their media type. */
const outputs: Readonly<Record<string, string>> = {
  'text/event-stream': ' -N',
  'application/jose': ' -o receipt.jws',
  'application/x-ndjson': ' -o audit.ndjson',
  'text/html': ' -o docs.html',
  '*/*': ' -o recording',
};

/** A command that sends a good request to an operation: as a shell takes it, in lines of their own. */
export function curlExample(
  document: OpenapiDocument,
  { method, path, operation }: { method: string; path: string; operation: OperationObject },
): string {
  const address = path.replace(/\{(\w+)\}/g, (_, name: string) => `$${name.toUpperCase()}`);
  const lines = [`curl -sS${method === 'GET' ? '' : ` -X ${method}`} "$SERVER${address}"${outputOf(operation)}`];
  if (operation.security.length > 0) lines.push('-H "Authorization: Bearer $TOKEN"');
  const takesKey = operation.parameters?.some((one) => '$ref' in one && one.$ref.endsWith('/IdempotencyKey')) ?? false;
  if (takesKey) lines.push('-H "Idempotency-Key: $(uuidgen)"');
  const [media, schema] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (media !== undefined) lines.push(...bodyLines(document, media, schema?.schema));
  return lines.join(' \\\n  ');
}

function outputOf({ responses }: OperationObject): string {
  const [, good] = Object.entries(responses).find(([status]) => status.startsWith('2')) ?? [];
  const [media = ''] = good === undefined || '$ref' in good ? [] : Object.keys(good.content ?? {});
  return outputs[media] ?? '';
}

function bodyLines(document: OpenapiDocument, media: string, schema: JsonSchema | undefined): string[] {
  if (media === 'multipart/form-data') return ["-F 'call=<call.json'", "-F 'recording=@recording.wav;type=audio/wav'"];
  if (media === 'application/x-www-form-urlencoded') {
    return ['-d "grant_type=client_credentials&client_id=$CLIENT_ID&client_secret=$CLIENT_SECRET"'];
  }
  if (schema === undefined) return [`-H "Content-Type: ${media.replace('*', 'wav')}"`, '--data-binary @recording.wav'];
  // What need not say anything is sent without a body.
  if (!saysSomething(document, schema)) return [];
  const body = JSON.stringify(exampleOf(document, schema));
  return ['-H "Content-Type: application/json"', `-d '${body.replaceAll("'", "'\\''")}'`];
}

/** Whether bodies of a schema have fields, be it under a name of its own. */
export function saysSomething({ components }: OpenapiDocument, schema: JsonSchema): boolean {
  const { $ref } = schema;
  const full = typeof $ref === 'string' ? (components.schemas[nameOfReference($ref)] ?? {}) : schema;
  return rowsOf(full).length > 0;
}

/** A small value that fits a schema: what it requires, or else one field of it. */
export function exampleOf(document: OpenapiDocument, schema: JsonSchema, depth = 0): unknown {
  const { $ref, type, examples, anyOf, items } = schema;
  if (typeof $ref === 'string') {
    return exampleOf(document, document.components.schemas[nameOfReference($ref)] ?? {}, depth + 1);
  }
  if ('default' in schema) return schema['default'];
  if (Array.isArray(examples)) return examples[0];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if (Array.isArray(anyOf)) return isJsonObject(anyOf[0]) ? exampleOf(document, anyOf[0], depth) : null;
  if (type === 'object') return objectExample(document, schema, depth);
  if (type === 'array') return isJsonObject(items) && depth < depthMax ? [exampleOf(document, items, depth + 1)] : [];
  if (type === 'string') return isTime(schema) ? '2026-03-01T10:00:00Z' : 'text';
  if (type === 'integer' || type === 'number') return schema['minimum'] ?? 1;
  return type === 'boolean' ? true : {};
}

function objectExample(document: OpenapiDocument, schema: JsonSchema, depth: number): unknown {
  if (depth > depthMax) return {};
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const required: unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
  const all = Object.keys(properties);
  const shown = all.filter((name) => required.includes(name));
  const names = shown.length > 0 ? shown : all.filter((name) => name in samples).slice(0, 1);
  const fields = (names.length > 0 ? names : all.slice(0, 1)).map((name) => {
    const property = properties[name];
    if (!isJsonObject(property)) return [name, null] as const;
    const sample = samples[name];
    return [name, isOfType(sample, property) ? sample : exampleOf(document, property, depth + 1)] as const;
  });
  return Object.fromEntries(fields);
}

/** Fields of one name may mean different things: a sample is one for those of its type. */
function isOfType(sample: unknown, { type, enum: choices, anyOf }: JsonSchema): boolean {
  if (sample === undefined) return false;
  if (Array.isArray(anyOf)) return anyOf.some((one) => isJsonObject(one) && isOfType(sample, one));
  if (Array.isArray(choices)) return choices.includes(sample);
  if (type === 'array') return Array.isArray(sample);
  if (type === 'object') return isJsonObject(sample);
  return type === 'integer' ? Number.isInteger(sample) : type === typeof sample;
}

function isTime({ format, description }: JsonSchema): boolean {
  return format === 'date-time' || (typeof description === 'string' && description.startsWith('ISO 8601'));
}
