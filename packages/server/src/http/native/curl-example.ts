import { isJsonObject } from '../json-in.ts';
import type { JsonSchema, OpenapiDocument, OperationObject } from './openapi-document.ts';
import { nameOfReference } from './schema-rows.ts';

/** Values that a reader recognises, by the names of fields; everything else is made of its schema. */
const samples: Readonly<Record<string, unknown>> = {
  calls: ['0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708'],
  phones: ['+15125550142'],
  emails: ['casey@example.com'],
  email: 'casey@example.com',
  reason: 'Claim 4711',
  digest: 'Rk9Vb1...',
  scopes: ['calls:read'],
  grant_type: 'client_credentials',
};

/** How deep an example goes into a schema that holds others. */
const depthMax = 6;

/** A command that sends a good request to an operation: as a shell takes it, in lines of their own. */
export function curlExample(
  document: OpenapiDocument,
  { method, path, operation }: { method: string; path: string; operation: OperationObject },
): string {
  const address = path.replace(/\{\w+\}/g, '$ID');
  const lines = [`curl -sS${method === 'GET' ? '' : ` -X ${method}`} "$SERVER${address}"`];
  if (operation.security.length > 0) lines.push('-H "Authorization: Bearer $TOKEN"');
  const takesKey = operation.parameters?.some((one) => '$ref' in one && one.$ref.endsWith('/IdempotencyKey')) ?? false;
  if (takesKey) lines.push('-H "Idempotency-Key: $(uuidgen)"');
  const [media, schema] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (media !== undefined) lines.push(...bodyLines(document, media, schema?.schema));
  return lines.join(' \\\n  ');
}

function bodyLines(document: OpenapiDocument, media: string, schema: JsonSchema | undefined): string[] {
  if (media === 'multipart/form-data') return ["-F 'call=<call.json'", "-F 'recording=@recording.wav;type=audio/wav'"];
  if (media === 'application/x-www-form-urlencoded') {
    return ['-d "grant_type=client_credentials&client_id=$CLIENT_ID&client_secret=$CLIENT_SECRET"'];
  }
  if (schema === undefined) return [`-H "Content-Type: ${media.replace('*', 'wav')}"`, '--data-binary @recording.wav'];
  const body = JSON.stringify(exampleOf(document, schema));
  return ['-H "Content-Type: application/json"', `-d '${body.replaceAll("'", "'\\''")}'`];
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
    const made = () => (isJsonObject(property) ? exampleOf(document, property, depth + 1) : null);
    return [name, samples[name] ?? made()] as const;
  });
  return Object.fromEntries(fields);
}

function isTime({ format, description }: JsonSchema): boolean {
  return format === 'date-time' || (typeof description === 'string' && description.startsWith('ISO 8601'));
}
