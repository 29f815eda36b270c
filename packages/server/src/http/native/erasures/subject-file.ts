import { type Named, type SubjectKind, subjectKinds } from '../../../engine/plans/subject.ts';
import { nextTurn } from '../../../lib/next-turn.ts';
import { AppError } from '../../../model/errors.ts';
import { isJsonObject } from '../../json-in.ts';
import { csvRecords } from './csv-records.ts';

/** The largest file, in bytes, and how many identifiers it may name. */
const fileBytesMax = 64 * 1024 * 1024;
const fileNamedMax = 100_000;

/** The longest identifier, and the longest line, in characters. */
const valueLengthMax = 512;
const lineLengthMax = 4096;
const linesPerTurn = 1000;

const kinds: ReadonlySet<string> = new Set(subjectKinds);

/** A line that says nothing that could be an identifier. It stands among the others, and is understood as nothing. */
function unreadable(line: string): Named {
  return { kind: null, given: line.slice(0, valueLengthMax) };
}

/**
 * Reads the identifiers of a file as it comes: `text/csv` with the header `kind,value`, or `application/x-ndjson` of objects
 * with `kind` and `value`, in UTF-8. A line that is none of these is an identifier that nothing can be understood of.
 *
 * Throws `input_invalid` for another header, for text that is not UTF-8 and for more than 100,000 lines, `upload_too_large`
 * for more than 64 MiB, and `media_type_unsupported` for another media type.
 */
export async function readSubjectFile(mediaType: string, bytes: AsyncIterable<Uint8Array>): Promise<Named[]> {
  const text = decoded(bounded(bytes));
  switch (mediaType) {
    case 'text/csv':
      return await gather(namedInCsv(text));
    case 'application/x-ndjson':
      return await gather(namedInLines(text));
    default:
      throw new AppError('media_type_unsupported', {
        message: 'The Content-Type must be application/json, text/csv or application/x-ndjson',
      });
  }
}

async function gather(lines: AsyncIterable<Named>): Promise<Named[]> {
  const named: Named[] = [];
  for await (const one of lines) {
    if (named.length === fileNamedMax) {
      throw new AppError('input_invalid', { message: `The file must name at most ${fileNamedMax} identifiers` });
    }
    named.push(one);
    if (named.length % linesPerTurn === 0) await nextTurn();
  }
  return named;
}

async function* namedInCsv(text: AsyncIterable<string>): AsyncGenerator<Named> {
  let hasHeader = false;
  for await (const record of csvRecords(text, { lengthMax: lineLengthMax })) {
    if (hasHeader) {
      const [kind, value] = record ?? [];
      yield (record?.length === 2 ? toNamed(kind, value) : undefined) ?? unreadable((record ?? []).join(','));
      continue;
    }
    if (record?.length !== 2 || record[0] !== 'kind' || record[1] !== 'value') {
      throw new AppError('input_invalid', { message: 'The first line of the file must be kind,value' });
    }
    hasHeader = true;
  }
  if (!hasHeader) throw new AppError('input_invalid', { message: 'The first line of the file must be kind,value' });
}

async function* namedInLines(text: AsyncIterable<string>): AsyncGenerator<Named> {
  for await (const line of linesOf(text)) {
    if (line.trim() === '') continue;
    yield (line.length > lineLengthMax ? undefined : namedInLine(line)) ?? unreadable(line);
  }
}

function namedInLine(line: string): Named | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? toNamed(value['kind'], value['value']) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined for what is none. */
function toNamed(kind: unknown, value: unknown): Named | undefined {
  if (typeof kind !== 'string' || typeof value !== 'string' || value.length > valueLengthMax) return undefined;
  return isKind(kind) ? { kind, given: value } : undefined;
}

function isKind(text: string): text is SubjectKind {
  return kinds.has(text);
}

/** Lines without their ends. One that is too long is cut, just above what is too long. */
async function* linesOf(text: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of text) {
    const [first = '', ...others] = chunk.split('\n');
    rest += first.slice(0, lineLengthMax + 1 - Math.min(rest.length, lineLengthMax + 1));
    for (const line of others) {
      yield rest;
      rest = line.slice(0, lineLengthMax + 1);
    }
  }
  yield rest;
}

async function* decoded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Without the error as its cause: nothing of the file may be told.
    throw new AppError('input_invalid', { message: 'The file must be in UTF-8' });
  }
}

async function* bounded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > fileBytesMax) throw new AppError('upload_too_large', { message: 'The file is larger than 64 MiB' });
    yield chunk;
  }
}
