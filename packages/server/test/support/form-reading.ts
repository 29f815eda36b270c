import { expect } from 'vitest';
import { type MultipartLimits, type Part, readMultipart } from '../../src/http/multipart.ts';
import { AppError } from '../../src/model/errors.ts';

export type Field = { name: string; filename: string | undefined; contentType: string | undefined; bytes: Buffer };
export type Outcome = { fields: Field[]; error: { code: string; message: string } | undefined };

/** One character is one byte. */
export const latin1 = (text: string) => Buffer.from(text, 'latin1');
export const formData = (boundary: string) => `multipart/form-data; boundary=${boundary}`;

/** Cuts `bytes` at the given places, which may repeat: empty chunks are legal too. */
export async function* chunked(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (const [index, end] of places.slice(1).entries()) {
    yield Uint8Array.from(bytes.subarray(places[index], end));
  }
}

export function byteByByte(bytes: Buffer): AsyncGenerator<Uint8Array> {
  return chunked(
    bytes,
    Array.from(bytes, (_, index) => index),
  );
}

export async function collect(part: Part): Promise<Field> {
  const chunks: Buffer[] = [];
  for await (const chunk of part.body) {
    expect(chunk.length).toBeGreaterThan(0);
    chunks.push(chunk);
  }
  return { name: part.name, filename: part.filename, contentType: part.contentType, bytes: Buffer.concat(chunks) };
}

/** Every part until the end or the first AppError, which is part of the outcome. */
export async function readAll(
  body: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
  limits?: MultipartLimits,
): Promise<Outcome> {
  const fields: Field[] = [];
  try {
    for await (const part of readMultipart(body, contentType, limits)) {
      fields.push(await collect(part));
    }
    return { fields, error: undefined };
  } catch (error) {
    if (error instanceof AppError) {
      return { fields, error: { code: error.code, message: error.message } };
    }
    throw error;
  }
}

/** Reads a body in one chunk and again byte by byte; the two must agree. */
export async function readText(
  text: string,
  contentType: string | undefined = formData('b'),
  limits?: MultipartLimits,
) {
  const outcome = await readAll(chunked(latin1(text), []), contentType, limits);
  expect(await readAll(byteByByte(latin1(text)), contentType, limits)).toEqual(outcome);
  return outcome;
}
