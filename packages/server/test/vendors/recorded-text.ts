import { expect } from 'vitest';

/** What placeholders stand for, by name. */
export type Known = Map<string, string>;

/** The matchers of responses, as the patterns that they accept. */
const matchers: ReadonlyMap<string, string> = new Map([
  ['any', '[^]+'],
  ['time', '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z'],
  ['id', '[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'],
]);

const keepPrefix = 'keep:';
/** A text that is nothing but this stands for a JSON number: `{{number:NAME}}`. */
const numberForm = /^\{\{number:([^}]*)\}\}$/;
/** Every second piece of a text split by this is what stood between the braces. */
const braces = /\{\{([^}]*)\}\}/;

/** A text with its placeholders filled in. Throws for one that stands for nothing: a slip in the recording. */
export function filled(text: string, known: Known): string {
  return split(text, (name) => meaningOf(name, known), String);
}

/** Every text in a value, filled in. */
export function filledIn(value: unknown, known: Known): unknown {
  return mapTexts(value, (text) => numberOf(text, known) ?? filled(text, known));
}

/** What a recorded value accepts, for `toStrictEqual`. */
export function accepting(value: unknown, known: Known): unknown {
  return mapTexts(value, (text) => {
    const number = numberOf(text, known);
    if (number !== undefined) return number;
    const pattern = patternOf(text, known);
    return pattern === undefined ? filled(text, known) : expect.stringMatching(pattern);
  });
}

/** Remembers what stands where a recorded value says `{{keep:NAME}}`. `actual` has been accepted already. */
export function keep(recorded: unknown, actual: unknown, known: Known): void {
  if (typeof recorded === 'string' && typeof actual === 'string') {
    const groups = patternOf(recorded, known)?.exec(actual)?.groups ?? {};
    for (const [name, text] of Object.entries(groups)) known.set(`kept:${name}`, text);
  } else if (isContainer(recorded) && isContainer(actual)) {
    const held = new Map(Object.entries(actual));
    for (const [key, inner] of Object.entries(recorded)) keep(inner, held.get(key), known);
  }
}

/** Undefined for a text that stands for no number. */
function numberOf(text: string, known: Known): number | undefined {
  const name = numberForm.exec(text)?.[1];
  return name === undefined ? undefined : Number(meaningOf(name, known));
}

/** Undefined for a text without matchers. */
function patternOf(text: string, known: Known): RegExp | undefined {
  const accepted: string[] = [];
  const pattern = split(
    text,
    (name) => {
      const matcher = matcherOf(name);
      if (matcher === undefined) return escaped(meaningOf(name, known));
      accepted.push(name);
      return matcher;
    },
    escaped,
  );
  return accepted.length === 0 ? undefined : new RegExp(`^${pattern}$`);
}

function matcherOf(name: string): string | undefined {
  return name.startsWith(keepPrefix) ? `(?<${name.slice(keepPrefix.length)}>[^]+)` : matchers.get(name);
}

function split(text: string, named: (name: string) => string, plain: (piece: string) => string): string {
  return text
    .split(braces)
    .map((piece, at) => (at % 2 === 1 ? named(piece) : plain(piece)))
    .join('');
}

function meaningOf(name: string, known: Known): string {
  const value = known.get(name);
  if (value === undefined) throw new Error(`nothing is known as {{${name}}}`);
  return value;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function mapTexts(value: unknown, map: (text: string) => unknown): unknown {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((inner) => mapTexts(inner, map));
  if (!isContainer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapTexts(inner, map)]));
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
