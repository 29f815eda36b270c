import { AppError, Bug } from '../model/errors.ts';
import { boundaryOf, type PartHeaders, parsePartHeaders } from './multipart-headers.ts';

/** One field of a form. Its body can be read once, and only until the next part is asked for. */
export type Part = PartHeaders & {
  /** The exact bytes, in chunks that are never empty and mostly share memory with the source's chunks. */
  body: AsyncIterable<Buffer>;
};

export type MultipartLimits = {
  /** The longest header block of a part, in bytes, without the blank line. */
  headerBytes: number;
  /** The most parts in one body. */
  parts: number;
};

export const multipartLimits: MultipartLimits = { headerBytes: 16 * 1024, parts: 64 };

// Mail gateways pad lines to 80 or 132 columns; nothing pads to this.
const paddingBytesMax = 1024;
const tab = 0x09;
const cr = 0x0d;
const space = 0x20;
const dash = 0x2d;
const crlf = Buffer.from('\r\n');
const blankLine = Buffer.from('\r\n\r\n');

/**
 * Reads a multipart/form-data body part by part (RFC 7578, framing by RFC 2046 section 5.1.1), byte for byte.
 *
 * Pull based and in constant memory: a chunk of `body` is asked for only when the consumer waits for bytes that have
 * not come yet. What the consumer leaves unread of a part is skipped when it asks for the next one; reading a part
 * later than that is a Bug. Preamble and epilogue are read and dropped. A delimiter is a whole line: CRLF, `--`, the
 * boundary, for the last one `--`, padding, CRLF. Anything less, such as a longer word that only begins like the
 * boundary, is data.
 *
 * Throws `upload_cut` when `body` ends, or its connection breaks, before the closing delimiter, and `input_invalid`
 * for a Content-Type without a usable boundary, malformed or too long headers, a part without a name and too many
 * parts. No message repeats what the client sent. Other errors of `body` pass through.
 *
 * `body` is never closed from here, not even when the consumer stops early: closing a request would close its socket
 * and with it the way for the answer.
 */
export async function* readMultipart(
  body: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
  limits: MultipartLimits = multipartLimits,
): AsyncGenerator<Part, void, undefined> {
  const scanner = new Scanner(body, boundaryOf(contentType));
  await skipData(scanner);
  for (let count = 1; !scanner.isClosed; count += 1) {
    if (count > limits.parts) {
      throw new AppError('input_invalid', { message: 'The multipart body has too many parts' });
    }
    const headers = parsePartHeaders(await scanner.headerBlock(limits.headerBytes));
    const turn = { isOver: false };
    yield { ...headers, body: partBody(scanner, turn) };
    turn.isOver = true;
    await skipData(scanner);
  }
  await scanner.drain();
}

async function* partBody(
  scanner: Scanner,
  turn: { readonly isOver: boolean },
): AsyncGenerator<Buffer, void, undefined> {
  for (;;) {
    if (turn.isOver) {
      throw new Bug('a multipart part was read after the next one had been asked for');
    }
    const bytes = await scanner.data();
    if (bytes === undefined) {
      return;
    }
    yield bytes;
  }
}

async function skipData(scanner: Scanner): Promise<void> {
  while ((await scanner.data()) !== undefined) {
    // Dropped on purpose: a preamble, or what the consumer left unread.
  }
}

/**
 * Walks one body: data up to a delimiter line, then a header block, then data again.
 *
 * NOTE `#pending` begins with the CRLF that ended the line before, and that CRLF may belong to the next delimiter: a
 * part without a body is its headers and, at once, a delimiter (RFC 2046, `body-part`), and the first delimiter may be
 * the first line of the body. Where it is not part of a delimiter, `#leadBytes` keeps it out of the data.
 */
class Scanner {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #delimiter: Buffer;
  #pending: Buffer = crlf;
  #leadBytes = crlf.length;
  #isInData = true;
  #isClosed = false;
  #isPulling = false;

  constructor(body: AsyncIterable<Uint8Array>, boundary: string) {
    this.#source = body[Symbol.asyncIterator]();
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  }

  /** True once the closing delimiter has been read. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The next bytes before the next delimiter line; undefined once that line has been reached. Never empty. */
  async data(): Promise<Buffer | undefined> {
    for (let from = 0; this.#isInData; ) {
      const at = this.#pending.indexOf(this.#delimiter, from);
      const line = at < 0 ? undefined : readDelimiterLine(this.#pending, at + this.#delimiter.length);
      if (at >= 0 && line === undefined) {
        from = at + this.#delimiter.length;
        continue;
      }
      const bytes = this.#takeData(at < 0 ? this.#pending.length - this.#undecidedBytes() : at);
      if (bytes.length > 0) {
        return bytes;
      }
      from = 0;
      if (line === undefined) {
        await this.#pullOrThrow();
      } else if (at === 0) {
        await this.#passDelimiterLine(line);
      }
    }
    return undefined;
  }

  /** The header lines after a delimiter line, without the blank line that ends them. */
  async headerBlock(bytesMax: number): Promise<Buffer> {
    for (let from = 0; ; ) {
      const at = this.#pending.indexOf(blankLine, from);
      // The earliest place where the block can end, so that the answer does not depend on how the bytes were cut.
      const end = at >= 0 ? at : this.#pending.length - blankLine.length + 1;
      if (end - crlf.length > bytesMax) {
        throw new AppError('input_invalid', { message: 'The headers of a multipart part are too long' });
      }
      if (at >= 0) {
        const block = this.#pending.subarray(crlf.length, Math.max(crlf.length, at));
        this.#pending = this.#pending.subarray(at + crlf.length);
        this.#leadBytes = crlf.length;
        this.#isInData = true;
        return block;
      }
      from = Math.max(0, end);
      await this.#pullOrThrow();
    }
  }

  /** Reads the source to its end and drops what comes. */
  async drain(): Promise<void> {
    do {
      this.#pending = this.#pending.subarray(0, 0);
    } while (await this.#pull());
  }

  /** Passes the delimiter line that `#pending` starts with; while its end has not come, gets more bytes instead. */
  async #passDelimiterLine(line: DelimiterLine): Promise<void> {
    if (!line.isWhole && (await this.#pull())) {
      return;
    }
    // The closing delimiter needs no CRLF after it; any other needs one, and a part.
    if (!line.isWhole && !line.isClosing) {
      throw new AppError('upload_cut');
    }
    this.#pending = this.#pending.subarray(line.end);
    this.#isInData = false;
    this.#isClosed = line.isClosing;
  }

  /** Takes the first bytes of `#pending` as data, less the CRLF that is not the part's. */
  #takeData(count: number): Buffer {
    if (count === 0) {
      return this.#pending.subarray(0, 0);
    }
    const bytes = this.#pending.subarray(this.#leadBytes, count);
    this.#leadBytes = 0;
    this.#pending = this.#pending.subarray(count);
    return bytes;
  }

  /** How many bytes at the end of `#pending` could be the start of a delimiter. */
  #undecidedBytes(): number {
    const tail = this.#pending.subarray(Math.max(0, this.#pending.length - this.#delimiter.length + 1));
    // A delimiter has one CR, its first byte, so only the last CR can be the start of one.
    const at = tail.lastIndexOf(cr);
    if (at < 0) {
      return 0;
    }
    const start = tail.subarray(at);
    return start.equals(this.#delimiter.subarray(0, start.length)) ? start.length : 0;
  }

  async #pullOrThrow(): Promise<void> {
    if (!(await this.#pull())) {
      throw new AppError('upload_cut');
    }
  }

  /** Adds the source's next chunk to `#pending`; false at its end. */
  async #pull(): Promise<boolean> {
    if (this.#isPulling) {
      throw new Bug('two readers of one multipart body at a time');
    }
    this.#isPulling = true;
    try {
      const next = await this.#source.next();
      if (next.done === true) {
        return false;
      }
      const chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
      // The pending rest is short (a delimiter, a header block), so this seldom copies and never much more than a chunk.
      this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
      return true;
    } catch (error) {
      throw isConnectionLoss(error) ? new AppError('upload_cut', { cause: error }) : error;
    } finally {
      this.#isPulling = false;
    }
  }
}

type DelimiterLine = {
  /** False while bytes are missing that could still make it no delimiter. */
  isWhole: boolean;
  isClosing: boolean;
  /** Where the line's CRLF begins, or for an unfinished line the end of what there is. */
  end: number;
};

/** Reads what follows `CRLF--boundary`, from `start`: `--` if it closes the body, padding, CRLF. Undefined: it is data. */
function readDelimiterLine(bytes: Buffer, start: number): DelimiterLine | undefined {
  const isClosing = bytes[start] === dash && bytes[start + 1] === dash;
  if (bytes[start] === dash && bytes.length === start + 1) {
    return { isWhole: false, isClosing, end: bytes.length };
  }
  let end = isClosing ? start + 2 : start;
  while (bytes[end] === space || bytes[end] === tab) {
    end += 1;
    if (end - start > paddingBytesMax) {
      throw new AppError('input_invalid', { message: 'The padding after a multipart boundary is too long' });
    }
  }
  const crlfBytes = bytes.subarray(end, end + crlf.length);
  if (!crlfBytes.equals(crlf.subarray(0, crlfBytes.length))) {
    return undefined;
  }
  return { isWhole: crlfBytes.length === crlf.length, isClosing, end };
}

/** True for the errors with which Node reports that the other side went away in the middle of a request. */
function isConnectionLoss(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_PREMATURE_CLOSE')
  );
}
