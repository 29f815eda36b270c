/** The record that begins at a place of a text, and where the next one begins. */
type Read = {
  /** Undefined for a line that is none; null for a blank one. */
  record: string[] | undefined | null;
  end: number;
  /** True where the rest of a line that is too long has not come yet. */
  isCut?: boolean;
};

/** What is known of the text: whether more may come, and how long a record may be. */
type Bounds = { lengthMax: number; isLast: boolean };

/**
 * The records of a CSV text as it comes (RFC 4180): fields parted by commas, records by CRLF or LF, a field in quotes with
 * quotes in it doubled. Blank lines are left out, and so is a byte order mark.
 *
 * What the RFC does not allow (a quote inside a bare field, text behind a closing quote, a quote that stays open) and what is
 * longer than `lengthMax` characters is given as undefined, of one line alone, and reading goes on behind that line: one
 * wrong quote must not swallow the lines behind it, nor make one field of several.
 */
export async function* csvRecords(
  text: AsyncIterable<string>,
  { lengthMax }: { lengthMax: number },
): AsyncGenerator<string[] | undefined> {
  const reader = new RecordReader(lengthMax);
  for await (const chunk of text) yield* reader.take(chunk);
  yield* reader.end();
}

/** Keeps what has come of a record that is not whole yet. */
class RecordReader {
  readonly #lengthMax: number;
  #rest = '';
  #hasBegun = false;
  #isSkipping = false;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  *take(chunk: string): Generator<string[] | undefined> {
    if (chunk === '') return;
    this.#rest += this.#hasBegun ? chunk : chunk.replace(/^\uFEFF/, '');
    this.#hasBegun = true;
    yield* this.#read(false);
  }

  /** The last record may lack its end of line. */
  *end(): Generator<string[] | undefined> {
    yield* this.#read(true);
  }

  *#read(isLast: boolean): Generator<string[] | undefined> {
    let at = 0;
    if (this.#isSkipping) {
      const end = this.#rest.indexOf('\n');
      this.#isSkipping = end === -1;
      at = this.#isSkipping ? this.#rest.length : end + 1;
    }
    while (at < this.#rest.length) {
      const read = readRecord(this.#rest, at, { lengthMax: this.#lengthMax, isLast });
      if (read === 'open') break;
      if (read.record !== null) yield read.record;
      this.#isSkipping = read.isCut === true;
      at = read.end;
    }
    this.#rest = this.#rest.slice(at);
  }
}

/** `open` where that record has not come to its end. */
function readRecord(text: string, from: number, bounds: Bounds): Read | 'open' {
  const fields: string[] = [];
  for (let at = from; ; ) {
    const isQuoted = text[at] === '"';
    const field = isQuoted ? quotedField(text, at, from, bounds) : bareField(text, at, bounds);
    if (field === 'wrong' || (field !== 'open' && field.end - from > bounds.lengthMax)) {
      return wrongLine(text, from, bounds);
    }
    if (field === 'open') return text.length - from > bounds.lengthMax ? wrongLine(text, from, bounds) : 'open';
    fields.push(field.value);
    at = field.end + 1;
    if (text[field.end] === ',') continue;
    const isBlank = !isQuoted && fields.length === 1 && field.value === '';
    return { record: isBlank ? null : fields, end: Math.min(at, text.length) };
  }
}

/** A line that is no record: it alone is passed over. */
function wrongLine(text: string, from: number, { lengthMax, isLast }: Bounds): Read | 'open' {
  const newline = text.indexOf('\n', from);
  if (newline !== -1) return { record: undefined, end: newline + 1 };
  if (!isLast && text.length - from <= lengthMax) return 'open';
  return { record: undefined, end: text.length, isCut: true };
}

/** A field, and where the comma or the line feed behind it stands, or the text ends. */
type Field = { value: string; end: number } | 'open' | 'wrong';

const marks = /[",\n]/g;

function bareField(text: string, from: number, { isLast }: Bounds): Field {
  marks.lastIndex = from;
  const end = marks.exec(text)?.index ?? text.length;
  if (end === text.length && !isLast) return 'open';
  if (text[end] === '"') return 'wrong';
  const value = text.slice(from, end);
  return { value: text[end] !== ',' && value.endsWith('\r') ? value.slice(0, -1) : value, end };
}

function quotedField(text: string, from: number, recordFrom: number, { lengthMax, isLast }: Bounds): Field {
  let close = text.indexOf('"', from + 1);
  while (close !== -1 && text[close + 1] === '"') {
    if (close - recordFrom > lengthMax) return 'wrong';
    close = text.indexOf('"', close + 2);
  }
  if (close === -1) return isLast ? 'wrong' : 'open';
  const value = text.slice(from + 1, close).replaceAll('""', '"');
  let end = close + 1;
  if (text[end] === '\r') end += 1;
  if (end === text.length) return isLast ? { value, end } : 'open';
  if (text[end] === '\n' || (text[end] === ',' && end === close + 1)) return { value, end };
  return 'wrong';
}
