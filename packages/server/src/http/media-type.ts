import { lowerAscii } from './json-in.ts';

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quoted = '"(?:[ !#-\\[\\]-~]|\\\\[ -~])*"';
const form = new RegExp(`^${token}/${token}(?:[ \\t]*;[ \\t]*${token}=(?:${token}|${quoted}))*$`);
const lengthMax = 200;

/**
 * A stored Content-Type as it may be sent: what a client once wrote if it is a media type (RFC 9110, section 8.3.1) of
 * bearable length, else `application/octet-stream`.
 */
export function safeMediaType(stored: string): string {
  return stored.length <= lengthMax && isMediaType(stored) ? stored : 'application/octet-stream';
}

/** True for a Content-Type that is a media type (RFC 9110, section 8.3.1). */
export function isMediaType(contentType: string): boolean {
  return form.test(contentType);
}

/** Type and subtype of a Content-Type, in lower case, without its parameters; anything else as it stands. */
export function mediaTypeOf(contentType: string): string {
  const [mediaType = ''] = lowerAscii(contentType).split(';');
  return mediaType.trim();
}
