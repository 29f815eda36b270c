import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { systemError } from '../lib/durable-files.ts';
import { AppError } from '../model/errors.ts';

/** What commands that work offline are given: a file, or `-` for standard input. Larger ones are none of ours. */
const bytesMax = 16 * 1024 * 1024;

/** The bytes of a small file. Throws `input_invalid` where it cannot be read. */
export async function readGiven(file: string): Promise<Buffer> {
  return await readable(async () => {
    if (file !== '-') return await readFile(file);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > bytesMax) throw new AppError('input_invalid', { message: 'Standard input is too long' });
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  });
}

/**
 * The lines of a file of any size, without their ends. Only a line feed ends one. One of more than `lengthMax` UTF-16 units
 * is passed over, and comes as undefined, in its place: a file without line ends costs no more memory. Throws as `readGiven`.
 */
export async function* givenLines(file: string, lengthMax: number): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder();
  const chunks = (file === '-' ? process.stdin : createReadStream(file))[Symbol.asyncIterator]();
  let rest = '';
  let isOver = false;
  for (;;) {
    const chunk = await readable(async () => await chunks.next());
    if (chunk.done === true) break;
    const lines = (rest + decoder.decode(chunk.value as Buffer, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      yield isOver || line.length > lengthMax ? undefined : line;
      isOver = false;
    }
    isOver ||= rest.length > lengthMax;
    if (isOver) rest = '';
  }
  rest += decoder.decode();
  if (isOver || rest.length > lengthMax) yield undefined;
  else if (rest !== '') yield rest;
}

async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const code = systemError(error)?.code;
    if (code === undefined) throw error;
    throw new AppError('input_invalid', { message: 'The file cannot be read', detail: code, cause: error });
  }
}
