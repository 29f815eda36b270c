import { Decrypter, Encrypter } from 'age-encryption';
import { AppError } from '../model/errors.ts';

/*
 * The recovery key: root keys are sealed to an age recipient (https://age-encryption.org/v1) whose identity is kept
 * offline. What comes out is a plain age file, which the `age` tool opens too. The library's own messages quote what it
 * was given, so none of them is ever passed on.
 */

/** What root keys are sealed to. It cannot open what it has sealed. */
export interface Recipient {
  seal(plain: Uint8Array): Promise<Buffer>;
}

/** What came of opening; `plain` is the caller's to wipe. */
export type Opened = { kind: 'opened'; plain: Buffer } | { kind: 'none fits' } | { kind: 'damaged' };

/** The secret side of one or more recipients. */
export interface Identities {
  open(sealed: Uint8Array): Promise<Opened>;
}

/**
 * A recipient as text (`age1...`). Throws `config_invalid` for anything else, with words of its own for a secret identity
 * given in its place; neither quotes the text.
 */
export function parseRecipient(text: string): Recipient {
  const recipient = text.trim();
  if (/AGE-(SECRET-KEY|PLUGIN)-/i.test(recipient)) {
    throw new AppError('config_invalid', {
      message: 'holds a secret identity, which must not be on this machine; give its recipient (age1...) instead',
    });
  }
  try {
    encrypterTo(recipient);
  } catch {
    throw new AppError('config_invalid', {
      message: 'is not an age recipient: expected one that begins with age1, as age-keygen prints it',
    });
  }
  return { seal: async (plain) => view(await encrypterTo(recipient).encrypt(plain)) };
}

/**
 * Seals something to a recipient once, so that one of the right form to which nothing can be sealed is refused before the
 * first key needs it. Throws `config_invalid`.
 */
export async function proveRecipient(recipient: Recipient): Promise<void> {
  try {
    await recipient.seal(new Uint8Array(1));
  } catch {
    throw new AppError('config_invalid', { message: 'Nothing can be sealed to the recipient in TACET_RECOVERY_KEY' });
  }
}

/**
 * The identities of an identity file as `age-keygen` writes it: one `AGE-SECRET-KEY-1...` a line, beside comments (`#`)
 * and blank lines. Throws `input_invalid`, naming the line and never what it holds.
 */
export function parseIdentities(text: string): Identities {
  if (/^(age-encryption\.org\/|-----BEGIN AGE ENCRYPTED FILE-----)/.test(text.trimStart())) {
    throw new AppError('input_invalid', {
      message: 'The identity file is itself encrypted; decrypt it with age first',
    });
  }
  const identities: string[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const identity = line.trim();
    if (identity === '' || identity.startsWith('#')) continue;
    if (!isIdentity(identity)) {
      throw new AppError('input_invalid', { message: `Line ${i + 1} of the identity file is not an age identity` });
    }
    identities.push(identity);
  }
  if (identities.length === 0) throw new AppError('input_invalid', { message: 'The identity file holds no identity' });
  return { open: async (sealed) => await openWith(identities, sealed) };
}

/** The shortest payload of an age file: a nonce, and a tag for an empty plaintext. */
const payloadBytesMin = 16 + 16;

/**
 * True for bytes that have the form of an age file with something in it: a whole header and a payload. What it says can
 * only be told with its identity.
 */
export function hasSealedForm(sealed: Uint8Array): boolean {
  const text = view(sealed).toString('latin1');
  const header = /^age-encryption\.org\/v1\n(?:-> [^\n]+\n(?:[A-Za-z0-9+/]*\n)+)+--- [A-Za-z0-9+/]{43}\n/.exec(text);
  return header !== null && text.length > header[0].length + payloadBytesMin;
}

async function openWith(identities: readonly string[], sealed: Uint8Array): Promise<Opened> {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  const last = { isAsked: false };
  // Asked last, and only where none of the others fits.
  decrypter.addIdentity({
    unwrapFileKey() {
      last.isAsked = true;
      return null;
    },
  });
  try {
    return { kind: 'opened', plain: view(await decrypter.decrypt(sealed)) };
  } catch {
    return { kind: last.isAsked ? 'none fits' : 'damaged' };
  }
}

function isIdentity(text: string): boolean {
  try {
    new Decrypter().addIdentity(text);
    return true;
  } catch {
    return false;
  }
}

function encrypterTo(recipient: string): Encrypter {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return encrypter;
}

/** The same bytes, not a copy that nobody would wipe. */
function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
