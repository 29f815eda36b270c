/** docs/api.md, made of the same document as the reference page. */
import { curlExample } from '../../src/http/native/curl-example.ts';
import { resolved, scopesIn } from '../../src/http/native/docs-page.ts';
import { operationsIn } from '../../src/http/native/openapi.ts';
import type { JsonSchema, MediaContent, OpenapiDocument } from '../../src/http/native/openapi-document.ts';
import { nameOfReference, rowsOf, type TypeWord, textOf, typeOf } from '../../src/http/native/schema-rows.ts';

type Listed = ReturnType<typeof operationsIn>[number];

/** The reference of the native API in Markdown. */
export function apiPage(document: OpenapiDocument): string {
  const listed = operationsIn(document);
  const groups = document.tags.map(({ name, description }) => {
    const mine = listed.filter(({ operation }) => operation.tags.includes(name));
    return [`## ${name}`, description, ...mine.flatMap((one) => operationLines(document, one))];
  });
  const scopes = Object.entries(scopesIn(Object.values(document.components.securitySchemes)));
  const schemas = Object.entries(document.components.schemas).flatMap(([name, schema]) => [
    `### ${name}`,
    textOf(schema),
    bodyOf(schema),
  ]);
  const blocks = [
    '# The native API',
    'Made from the schemas that requests are checked with; the same as `/v1/docs` of a server, and as',
    '[openapi.json](openapi.json), which `/v1/openapi.json` serves. How to archive calls, step by step, is in',
    '[native-api.md](native-api.md), how to erase them in [erasures.md](erasures.md), all codes in [errors.md](errors.md).',
  ];
  const intro = [blocks[0] ?? '', blocks.slice(1).join('\n'), document.info.description];
  const doors = table(
    ['scope', 'opens'],
    scopes.map(([scope, words]) => [`\`${scope}\``, words]),
  );
  return `${[...intro, '## Scopes', doors, ...groups.flat(), '## Schemas', ...schemas].filter(Boolean).join('\n\n')}\n`;
}

function operationLines(document: OpenapiDocument, listed: Listed): string[] {
  const { method, path, operation } = listed;
  const { summary, description = '', parameters = [], requestBody, responses } = operation;
  const scopes = operation.security.flatMap((one) => Object.values(one).flat());
  const door = scopes.length === 0 ? 'open to everybody' : `scope ${scopes.map((one) => `\`${one}\``).join(' or ')}`;
  const given = parameters.map((one) => {
    const { name, in: place, required, schema, description: said = '' } = resolved(document, one);
    const text = [said, textOf({ ...schema, description: '' })].filter(Boolean).join('. ');
    return [named(name, required), place, wordsOf(typeOf(schema)), text];
  });
  const answers = Object.entries(responses).map(([status, one]) => {
    const answer = '$ref' in one ? document.components.responses[nameOfReference(one.$ref)] : one;
    return [status, (answer?.description ?? '').replaceAll('\n\n', '<br>')];
  });
  const bodies = Object.entries(responses).flatMap(([status, one]) =>
    '$ref' in one || !Number(status) || Number(status) >= 300 ? [] : [one.content ?? {}],
  );
  return [
    `### ${summary}`,
    `\`${method} ${path}\`, ${door}`,
    description,
    ...(given.length === 0 ? [] : [table(['parameter', 'in', 'type', ''], given)]),
    ...(requestBody === undefined ? [] : contentLines('Body', requestBody.content)),
    ...bodies.flatMap((content) => contentLines('Answer', content)),
    table(['status', ''], answers),
    `\`\`\`text\n${curlExample(document, listed)}\n\`\`\``,
  ];
}

function contentLines(what: string, content: MediaContent): string[] {
  return Object.entries(content).flatMap(([media, { schema }]) => {
    const isListed = schema !== undefined && rowsOf(schema).length > 0;
    const short = schema === undefined || isListed ? '' : `: ${wordsOf(typeOf(schema))}`;
    return [`${what} \`${media}\`${short}`, isListed ? bodyOf(schema) : ''];
  });
}

function bodyOf(schema: JsonSchema): string {
  const rows = rowsOf(schema).map(({ name, type, isRequired, text }) => [named(name, isRequired), wordsOf(type), text]);
  return rows.length === 0 ? wordsOf(typeOf(schema)) : table(['field', 'type', ''], rows);
}

function named(name: string, isRequired: boolean): string {
  return `\`${name}\`${isRequired ? '' : ' (optional)'}`;
}

function wordsOf(type: readonly TypeWord[]): string {
  return type.map(({ text, ref }) => (ref === undefined ? text : `[${text}](#${ref.toLowerCase()})`)).join('');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
