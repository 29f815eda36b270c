const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quoted = '"(?:[ !#-\\[\\]-~]|\\\\[ -~])*"';
const form = new RegExp(`^${token}/${token}(?:[ \\t]*;[ \\t]*${token}=(?:${token}|${quoted}))*$`);
const lengthMax = 200;

/**
 * A stored Content-Type as it may be sent: what a client once wrote if it is a media type (RFC 9110, section 8.3.1) of
 * bearable length, else `application/octet-stream`.
 */
export function safeMediaType(stored: string): string {
  return stored.length <= lengthMax && form.test(stored) ? stored : 'application/octet-stream';
}
