/**
 * True for the compact form of RFC 7516, section 7.1, with a key that is agreed on, hence an empty second part, of at most
 * `lengthMax` characters. Whether it opens is another question.
 *
 * Each part must be the one canonical text of its bytes: decoders ignore the last bits of a text, which would give every
 * token twins.
 */
export function isDirectJwe(token: string, { lengthMax }: { lengthMax: number }): boolean {
  if (token.length > lengthMax || !/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return false;
  return token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}
