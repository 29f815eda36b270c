/** Values that a field must not have, by what the field is. */

/** Stands in whatever wrong text we send, so that an answer that quotes it shows. It has no digit. */
export const wrongWord = 'marked-wrong-word';

const levels = 100_000;
/** Deeper than any recursion goes; so deep that only text can be made of it, no value. */
export const deepArray = '['.repeat(levels) + ']'.repeat(levels);
export const deepObject = `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

const object = { [wrongWord]: wrongWord };
const scalars = [7, true];
const notText = json(...scalars, object, [wrongWord]);
const notPlain = json(`${wrongWord}\0`, `\0${wrongWord}`, `${wrongWord}\ud800`, `\udfff${wrongWord}`);
const notId = [...notText, ...notPlain, ...json('', 'x'.repeat(513))];
const notList = json(...scalars, wrongWord, object);
const notObjects = [...notList, ...json([null], [7], [wrongWord], [{}, [object]])];
const notIds = [...notList, ...json([null], [7], [object], ['x', [wrongWord]], ['x', `${wrongWord}\0`], ['\ud800'])];
const notChoice = json(wrongWord, '', -1, 0.5, 99, true, object, []);

/** JSON texts that no field of the kind may have, null and absence aside. */
export const badValues = {
  text: notText,
  /** What calls are found by, and may be empty. */
  id: [...notText, ...notPlain],
  /** What one call is known by: 1 to 512 characters. */
  ownId: notId,
  time: [...notText, ...json('', wrongWord, '2024-02-30T10:00:00Z', '2024-03-01', '2024-03-01T24:00:00Z')],
  metadata: json(...scalars, wrongWord, [object]),
  objects: notObjects,
  list: notList,
  direction: notChoice,
  monitor: notChoice,
  channel: json(wrongWord, '1', -1, 0.5, true, object, []),
  audio: json(...scalars, wrongWord, [object]),
  ids: notIds,
  phones: [...notIds, ...json([''], ['+'], [wrongWord], ['() -'], ['1'.repeat(65)])],
  emails: [...notIds, ...json([''], [' \t'], [wrongWord.padEnd(321, 'x')])],
  phone: [...notText, ...json('', '+', wrongWord, '() -', '\0', '1'.repeat(65))],
  flag: json('true', 'false', 1, 0, object, []),
  guest: [...notText, ...json('', wrongWord)],
  callId: [...notText, ...json('')],
  /** Kept as it is, whatever it is. */
  anything: [],
} as const satisfies Record<string, readonly string[]>;

export type FieldKind = keyof typeof badValues;

function json(...values: unknown[]): string[] {
  return values.map((value) => JSON.stringify(value));
}
