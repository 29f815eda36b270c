import { cspSourceOf } from '../../lib/csp-source.ts';
import { escapeHtml } from '../escape-html.ts';
import { curlExample } from './curl-example.ts';
import { docsStyle } from './docs-style.ts';
import { operationsIn } from './openapi.ts';
import type {
  JsonSchema,
  MediaContent,
  OpenapiDocument,
  OperationObject,
  Parameter,
  Reference,
  ResponseObject,
} from './openapi-document.ts';
import { nameOfReference, rowsOf, type SchemaRow, type TypeWord, textOf, typeOf } from './schema-rows.ts';

type Listed = ReturnType<typeof operationsIn>[number];

/** What the reference page may do: show itself in its own style. Nothing runs, nothing is loaded, nobody frames it. */
export const docsPolicy = [
  "default-src 'none'",
  `style-src ${cspSourceOf(docsStyle)}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The reference page of an OpenAPI document, whole and self-contained: one HTML document with one style in it, no script,
 * nothing foreign. Every text of the document is escaped.
 */
export function docsPage(document: OpenapiDocument): string {
  const listed = operationsIn(document);
  const groups = document.tags.map((tag) => ({
    ...tag,
    operations: listed.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  const sections = groups.map(
    ({ name, description, operations }) =>
      `<section><h2 id="tag-${escapeHtml(name)}">${escapeHtml(name)}</h2>${prose(description)}` +
      `${operations.map((one) => operationSection(document, one)).join('')}</section>`,
  );
  const { title, version, description } = document.info;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} API</title>
<style>${docsStyle}</style>
</head>
<body>
<a class="skip" href="#reference">Skip to the reference</a>
<header>
<h1>${escapeHtml(title)} API <small>${escapeHtml(version)}</small></h1>
${prose(description)}
<p>The same for programs: ${link('openapi.json', 'OpenAPI 3.1')}.</p>
</header>
<nav id="contents" aria-label="Contents">${menu(groups, Object.keys(document.components.schemas))}</nav>
<main id="reference" tabindex="-1">
${authentication(document)}
${sections.join('\n')}
${schemaSections(document)}
</main>
<footer><a href="#contents">Contents</a></footer>
</body>
</html>
`;
}

function menu(groups: readonly { name: string; operations: readonly Listed[] }[], schemas: readonly string[]): string {
  const operations = groups.map(({ name, operations }) =>
    menuPart(link(`#tag-${name}`, escapeHtml(name)), operations.map(menuEntry)),
  );
  const named = schemas.map((name) => `<li>${link(`#schema-${name}`, escapeHtml(name))}</li>`);
  const first = `<p>${link('#authentication', 'Authentication')}</p>`;
  return [first, ...operations, menuPart(link('#schemas', 'Schemas'), named)].join('');
}

function menuPart(title: string, entries: readonly string[]): string {
  return `<p>${title}</p><ul>${entries.join('')}</ul>`;
}

function menuEntry({ method, operation }: Listed): string {
  return `<li>${link(`#${operation.operationId}`, `${methodTag(method)}${escapeHtml(operation.summary)}`)}</li>`;
}

const tokenCommand = `TOKEN=$(curl -sS "$SERVER/v1/token" \\
  -d "grant_type=client_credentials&client_id=$CLIENT_ID&client_secret=$CLIENT_SECRET" |
  sed -n 's/.*"access_token":"\\([^"]*\\)".*/\\1/p')`;

function authentication(document: OpenapiDocument): string {
  const schemes = Object.values(document.components.securitySchemes);
  const scopes = Object.entries(scopesIn(schemes)).map(([scope, words]) => ({
    term: `<code>${escapeHtml(scope)}</code>`,
    said: inline(words),
  }));
  return `<section><h2 id="authentication">Authentication</h2>
${prose('`POST /v1/token` gives a bearer token for the credentials of a client. It opens what its scopes say; of those that an operation names, any one is enough.')}
${command('Get a token', tokenCommand)}
${prose('In the examples `$SERVER` is the address of this server, without a slash at its end, and `$ID` (or `$KIND`) what stands in braces in the address.')}
<h3>Scopes</h3>${list(scopes)}</section>`;
}

/** The scopes of the one flow that there is, with what they open. */
export function scopesIn(schemes: readonly JsonSchema[]): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (value: unknown, key: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (key === 'scopes' && typeof inner === 'string') found[name] = inner;
      else walk(inner, name);
    }
  };
  for (const scheme of schemes) walk(scheme, '');
  return found;
}

function operationSection(document: OpenapiDocument, listed: Listed): string {
  const { method, path, operation } = listed;
  const { operationId, summary, description, requestBody } = operation;
  const scopes = operation.security.flatMap((one) => Object.values(one).flat());
  const opens = scopes.map((scope) => `<code>${escapeHtml(scope)}</code>`).join(' or ');
  return `<article aria-labelledby="${escapeHtml(operationId)}">
<h3 id="${escapeHtml(operationId)}">${link(`#${operationId}`, escapeHtml(summary))}</h3>
<p class="route">${methodTag(method)}<code>${escapeHtml(path)}</code></p>
<p class="soft">${scopes.length === 0 ? 'Open to everybody' : `Scope: ${opens}`}</p>
${description === undefined ? '' : prose(description)}
${parametersList(document, operation)}
${requestBody === undefined ? '' : `<h4>Body${requestBody.required ? '' : ' (optional)'}</h4>${contentOf(requestBody.content)}`}
<h4>Answers</h4>${answersOf(document, operation)}
<h4>Example</h4>${command(summary, curlExample(document, listed))}
</article>`;
}

function parametersList(document: OpenapiDocument, { parameters = [] }: OperationObject): string {
  const rows = parameters.map((one) => {
    const { name, in: place, required, description = '', schema } = resolved(document, one);
    const text = [description, textOf({ ...schema, description: '' })].filter((said) => said !== '').join('. ');
    return row({ name, type: typeOf(schema), isRequired: required, text }, place);
  });
  return rows.length === 0 ? '' : `<h4>Parameters</h4>${list(rows)}`;
}

/** A parameter itself, whether it stands there or is pointed at. */
export function resolved(document: OpenapiDocument, one: Parameter | Reference): Parameter {
  if (!('$ref' in one)) return one;
  const found = document.components.parameters[nameOfReference(one.$ref)];
  return found ?? { name: nameOfReference(one.$ref), in: 'header', required: false, schema: {} };
}

function contentOf(content: MediaContent): string {
  return Object.entries(content)
    .map(([media, { schema }]) => {
      const isListed = schema !== undefined && rowsOf(schema).length > 0;
      const named = schema === undefined || isListed ? '' : `: ${words(typeOf(schema))}`;
      return `<p><code>${escapeHtml(media)}</code>${named}</p>${isListed ? body(schema) : ''}`;
    })
    .join('');
}

/** A schema at its place: by name, or field by field. */
function body(schema: JsonSchema): string {
  const rows = rowsOf(schema).map((one) => row(one));
  return rows.length === 0 ? words(typeOf(schema)) : list(rows);
}

function answersOf(document: OpenapiDocument, { responses }: OperationObject): string {
  const answers = Object.entries(responses).map(([status, one]) => ({ status, ...answerOf(document, one) }));
  const good = answers.filter(({ isProblem }) => !isProblem);
  const problems = answers.filter(({ isProblem }) => isProblem);
  const told = good.map(
    ({ status, description, content = {} }) =>
      `<div class="answer"><p><b>${escapeHtml(status)}</b> ${inline(description)}</p>${contentOf(content)}</div>`,
  );
  const refusals = problems.map(({ status, description }) => ({ term: escapeHtml(status), said: prose(description) }));
  const listed =
    refusals.length === 0 ? '' : `<details><summary>Errors</summary>${list(refusals, 'statuses')}</details>`;
  return told.join('') + listed;
}

function answerOf(document: OpenapiDocument, one: ResponseObject | Reference) {
  const response = '$ref' in one ? document.components.responses[nameOfReference(one.$ref)] : one;
  const { description = '', content = {} } = response ?? {};
  return { description, content, isProblem: 'application/problem+json' in content };
}

function schemaSections(document: OpenapiDocument): string {
  const sections = Object.entries(document.components.schemas).map(
    ([name, schema]) =>
      `<article><h3 id="schema-${escapeHtml(name)}">${escapeHtml(name)}</h3>${prose(textOf(schema))}${body(schema)}</article>`,
  );
  return `<section><h2 id="schemas">Schemas</h2>${sections.join('')}</section>`;
}

/** A term of a list and what is said of it, as HTML. */
type Entry = { term: string; said: string };

const placeWords: Readonly<Record<Parameter['in'], string>> = {
  path: 'in the path',
  query: 'in the query',
  header: 'as a header',
};

function row({ name, type, isRequired, text }: SchemaRow, place?: Parameter['in']): Entry {
  const mark = isRequired ? '' : ' <span class="soft">optional</span>';
  const where = place === undefined ? '' : `, ${placeWords[place]}`;
  const said = text === '' ? '' : ` <span>${inline(text)}</span>`;
  return {
    term: `<code>${escapeHtml(name)}</code>${mark}`,
    said: `<span class="type">${words(type)}${where}</span>${said}`,
  };
}

function words(type: readonly TypeWord[]): string {
  return type
    .map(({ text, ref }) => (ref === undefined ? escapeHtml(text) : link(`#schema-${ref}`, escapeHtml(text))))
    .join('');
}

function list(entries: readonly Entry[], kind: 'fields' | 'statuses' = 'fields'): string {
  const rows = entries.map(({ term, said }) => `<div><dt>${term}</dt><dd>${said}</dd></div>`);
  return `<dl class="${kind}">${rows.join('')}</dl>`;
}

/** Lines for a shell. Long ones scroll, by the keyboard too. */
function command(title: string, text: string): string {
  const name = escapeHtml(`Command: ${title}`);
  return `<pre tabindex="0" role="group" aria-label="${name}"><code>${escapeHtml(text)}</code></pre>`;
}

function methodTag(method: string): string {
  return `<span class="method ${escapeHtml(method.toLowerCase())}">${escapeHtml(method)}</span> `;
}

function link(href: string, html: string): string {
  return `<a href="${escapeHtml(href)}">${html}</a>`;
}

/** Text with paragraphs, and words in backticks. */
function prose(text: string): string {
  return text
    .split(/\n{2,}/)
    .filter((paragraph) => paragraph.trim() !== '')
    .map((paragraph) => `<p>${inline(paragraph)}</p>`)
    .join('');
}

function inline(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}
