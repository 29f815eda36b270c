import { expect, test } from 'vitest';
import { AppError } from '../../model/errors.ts';
import { audible, orCut, recordingType } from './recording-in.ts';

async function read(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function* bytes(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function* broken(error: Error): AsyncGenerator<Uint8Array> {
  yield Buffer.from('some');
  throw error;
}

test.each([
  ['audio/wav', 'audio/wav'],
  ['Audio/X; rate=8000', 'Audio/X; rate=8000'],
  [undefined, 'application/octet-stream'],
  ['', 'application/octet-stream'],
  [' ', 'application/octet-stream'],
  ['application/x-www-form-urlencoded', 'application/octet-stream'],
  ['Application/X-WWW-Form-Urlencoded; charset=utf-8', 'application/octet-stream'],
])('a recording that says %j is kept as %s', (said, kept) => {
  expect(recordingType(said)).toBe(kept);
});

test('a recording comes through as it is, and one of no bytes is refused', async () => {
  expect(await read(audible(bytes('a', '', 'bc'), 'It'))).toBe('abc');
  for (const empty of [bytes(), bytes('', '')]) {
    await expect(read(audible(empty, 'It'))).rejects.toMatchObject({ code: 'input_invalid', message: 'It is empty' });
  }
});

test('a client that goes away has cut its upload; what is refused meanwhile stays refused', async () => {
  expect(await read(orCut(bytes('a', 'b')))).toBe('ab');
  await expect(read(orCut(broken(new Error('aborted'))))).rejects.toMatchObject({ code: 'upload_cut' });
  const refused = broken(new AppError('upload_too_large'));
  await expect(read(orCut(refused))).rejects.toMatchObject({ code: 'upload_too_large' });
});
