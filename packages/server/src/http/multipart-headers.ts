import { AppError } from '../model/errors.ts';

/** What the header lines of one part say. */
export type PartHeaders = {
  /** The field's name, as the sender wrote it; may be the empty string. */
  name: string;
  /** As the sender wrote it; a label, never a path to open. */
  filename: string | undefined;
  /** The whole value, parameters included; undefined when the part has no such header. */
  contentType: string | undefined;
};

/** A header value of the form `type; key=value; key="value"`, with keys in lower case. */
type Parameterised = { type: string; parameters: ReadonlyMap<string, string> };

const fieldLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*([^\r\n]*)$/;
const typeToken = /[ \t]*([^ \t;"]+)[ \t]*/sy;
// One `;` and at most one parameter after it, so that a stray semicolon is harmless.
const parameter = /;[ \t]*(?:([^ \t;="]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^ \t;"]+)))?[ \t]*/sy;
// RFC 2046 section 5.1.1, `boundary := 0*69<bchars> bcharsnospace`.
const boundaryForm = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;

/**
 * The boundary named by the Content-Type of a multipart/form-data body, quoted or not (RFC 2046 section 5.1.1).
 *
 * Throws `input_invalid` for another media type and for a boundary that is missing, repeated or malformed.
 */
export function boundaryOf(contentType: string | undefined): string {
  const value = contentType === undefined ? undefined : parseParameterised(contentType);
  if (value?.type !== 'multipart/form-data') {
    throw invalid('The Content-Type must be multipart/form-data with a boundary');
  }
  const boundary = value.parameters.get('boundary');
  if (boundary === undefined) {
    throw invalid('The Content-Type names no multipart boundary');
  }
  if (!boundaryForm.test(boundary)) {
    throw invalid('The multipart boundary must be 1 to 70 of the characters that RFC 2046 allows');
  }
  return boundary;
}

/**
 * Reads the header lines of one part (RFC 7578 section 4.2), in any order and case, folded or not.
 *
 * `block` is the bytes between the delimiter line and the blank line, without either. Names and file names are
 * read as UTF-8 (RFC 7578 section 5.1); bytes that are not UTF-8 become U+FFFD, as a file name is only a label.
 * Other headers, Content-Transfer-Encoding among them (RFC 7578 section 4.7), are ignored. Throws `input_invalid`.
 */
export function parsePartHeaders(block: Buffer): PartHeaders {
  const fields = parseFields(block);
  const disposition = parseParameterised(fields.get('content-disposition') ?? '');
  if (disposition?.type !== 'form-data') {
    throw invalid('A multipart part has no usable Content-Disposition: form-data header');
  }
  const name = disposition.parameters.get('name');
  if (name === undefined) {
    throw invalid('A multipart part has no name');
  }
  return { name, filename: disposition.parameters.get('filename'), contentType: fields.get('content-type') };
}

function parseFields(block: Buffer): Map<string, string> {
  const fields = new Map<string, string>();
  if (block.length === 0) {
    return fields;
  }
  const unfolded = block.toString('utf8').replace(/\r\n[ \t]+/g, ' ');
  for (const line of unfolded.split('\r\n')) {
    const [, name, value] = fieldLine.exec(line) ?? [];
    if (name === undefined || value === undefined || line.includes('\0')) {
      throw invalid('A multipart part has a malformed header line');
    }
    const key = name.toLowerCase();
    // Two of these would let two readers see two different parts. Headers that nobody reads may repeat.
    if (fields.has(key) && key.startsWith('content-')) {
      throw invalid('A multipart part repeats a header');
    }
    fields.set(key, value.replace(/[ \t]+$/, ''));
  }
  return fields;
}

function parseParameterised(value: string): Parameterised | undefined {
  typeToken.lastIndex = 0;
  const type = typeToken.exec(value)?.[1]?.toLowerCase();
  if (type === undefined) {
    return undefined;
  }
  const parameters = new Map<string, string>();
  for (let at = typeToken.lastIndex; at < value.length; at = parameter.lastIndex) {
    parameter.lastIndex = at;
    const match = parameter.exec(value);
    if (match === null) {
      return undefined;
    }
    const key = match[1]?.toLowerCase();
    if (key === undefined) {
      continue;
    }
    if (parameters.has(key)) {
      return undefined;
    }
    // Only `\"` and `\\` are escapes: older senders put whole Windows paths into file names.
    parameters.set(key, match[3] ?? (match[2] ?? '').replace(/\\(["\\])/g, '$1'));
  }
  return { type, parameters };
}

function invalid(message: string): AppError {
  return new AppError('input_invalid', { message });
}
