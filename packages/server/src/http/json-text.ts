import { invalidField } from './json-in.ts';

/** How deep a JSON text may be nested, its outermost object being the first level: nobody walks a value out of stack. */
export const depthMax = 64;

/** How many values a JSON text may hold, names apart, where nothing more is said. */
export const valuesMax = 50_000;

/**
 * Parses the bytes of a JSON text: UTF-8, a byte order mark allowed (RFC 8259 section 8.1).
 *
 * `what` names the text in the message, `most` is how many values it may hold. Throws `input_invalid`, without the
 * parser's error as its cause: that one quotes the text.
 */
export function parseJson(bytes: Uint8Array, what: string, most: number = valuesMax): unknown {
  requireSimple(bytes, what, most);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalidField(what, 'must be JSON in UTF-8');
  }
}

/**
 * The names of the outermost object of a JSON text, in their order, each as often as it stands there, where JSON.parse shows
 * but the last of equals; none where the outermost value is no object. Only for bytes that `parseJson` takes.
 */
export function namesIn(bytes: Uint8Array): string[] {
  const names: string[] = [];
  let depth = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === openObject || byte === openArray) depth += 1;
    else if (byte === closeObject || byte === closeArray) depth -= 1;
    else if (byte === quote) {
      const end = endOfString(bytes, at);
      // Behind no other string is there a colon.
      if (depth === 1 && isColonNext(bytes, end + 1)) names.push(stringIn(bytes.subarray(at, end + 1)));
      at = end;
    }
  }
  return names;
}

function isColonNext(bytes: Uint8Array, from: number): boolean {
  let at = from;
  while (blanks.includes(bytes[at] ?? 0)) at += 1;
  return bytes[at] === colon;
}

function stringIn(bytes: Uint8Array): string {
  return String(JSON.parse(new TextDecoder().decode(bytes)));
}

/** All that may stand between the parts of a JSON text (RFC 8259, section 2). */
const blanks: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];
const colon = 0x3a;
const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Throws `input_invalid` for a text nested deeper than `depthMax`, or of more than `most` values, an empty array or object
 * counting as two.
 *
 * Looks at the bytes before anybody parses them: a few megabytes of brackets, or of names, take the parser itself
 * seconds, in which this process does nothing else. In UTF-8 no byte of another character is one of those looked for.
 * What is no JSON is not noticed here.
 */
function requireSimple(bytes: Uint8Array, what: string, most: number): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case quote:
        at = endOfString(bytes, at);
        break;
      case openArray:
      case openObject:
        depth += 1;
        values += 1;
        break;
      case closeArray:
      case closeObject:
        depth -= 1;
        break;
      case comma:
        values += 1;
        break;
      default:
        continue;
    }
    if (depth > depthMax) throw invalidField(what, `must not be nested deeper than ${depthMax} levels`);
    if (values > most) throw invalidField(what, `is too complex: it must have at most ${most} values`);
  }
}

/** Where the string that begins at `start` has its closing quote, or behind the end of the text. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}
