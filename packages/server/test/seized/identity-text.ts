/** The forms in which an age identity could lie in a file. */

const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

/** As text, in both cases, and the secret itself: the 32 bytes that its text encodes (Bech32, BIP 173). */
export function formsOfIdentity(identity: string): Buffer[] {
  const secret = secretOf(identity);
  const texts = [identity, identity.toLowerCase(), secret.toString('hex'), secret.toString('base64')];
  return [secret, ...texts.map((text) => Buffer.from(text))];
}

/** What follows the last `1` is five bits a character, the last six characters a checksum. */
function secretOf(identity: string): Buffer {
  const data = identity.toLowerCase().split('1').at(-1)?.slice(0, -6) ?? '';
  let bits = '';
  for (const character of data) bits += alphabet.indexOf(character).toString(2).padStart(5, '0');
  const bytes = bits.match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}
