import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect, test } from 'vitest';
import { AppError } from '../model/errors.ts';
import { hasSealedForm, parseIdentities, parseRecipient, proveRecipient } from './recovery-key.ts';

const plain = Buffer.from('a root key and what binds it');
const identity = await generateX25519Identity();
const recipient = await identityToRecipient(identity);
/** Of the right form, and the one point of the curve to which nothing can be sealed: all zero. */
const pointless = 'age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z';

function refusalOf(parse: () => unknown): AppError {
  try {
    parse();
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error('it was not refused');
}

test.each([
  ['an X25519 recipient', identity],
  ['a hybrid recipient', await generateHybridIdentity()],
])('what is sealed to %s opens under its identity and under no other', async (_, mine) => {
  const to = await identityToRecipient(mine);
  const sealed = await parseRecipient(` ${to}\n`).seal(plain);
  expect(sealed.includes(plain)).toBe(false);
  expect(sealed.toString('latin1')).toMatch(/^age-encryption\.org\/v1\n/);
  expect(await parseIdentities(mine).open(sealed)).toEqual({ kind: 'opened', plain });
  const others = `${await generateX25519Identity()}\n${await generateHybridIdentity()}`;
  expect(await parseIdentities(others).open(sealed)).toEqual({ kind: 'none fits' });
});

test.each([
  ['an X25519 recipient', identity],
  ['a hybrid recipient', await generateHybridIdentity()],
])(
  'what is sealed to %s has the form of it, and nothing that was cut down to header and nonce has',
  async (_, mine) => {
    const sealed = await parseRecipient(await identityToRecipient(mine)).seal(plain);
    expect(hasSealedForm(sealed)).toBe(true);
    for (let kept = 0; kept <= sealed.length - plain.length; kept += 1) {
      expect(hasSealedForm(sealed.subarray(0, kept)), String(kept)).toBe(false);
    }
    expect(hasSealedForm(Buffer.alloc(sealed.length))).toBe(false);
  },
);

test.each([
  '',
  'age1',
  recipient.slice(0, -1),
  recipient.toUpperCase(),
  `${recipient.slice(0, -1)}${recipient.endsWith('q') ? 'p' : 'q'}`,
  `${recipient} ${recipient}`,
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
])('"%s" is refused as a recipient, and what was expected is said', (text) => {
  const { code, message } = refusalOf(() => parseRecipient(text));
  expect(code).toBe('config_invalid');
  expect(message).toContain('begins with age1');
});

test.each([identity, identity.toLowerCase(), `# mine\n${identity}`, 'AGE-PLUGIN-YUBIKEY-1QQQQ'])(
  'a secret identity given as the recipient is refused with words of its own, and never quoted',
  (text) => {
    const error = refusalOf(() => parseRecipient(text));
    expect(error.code).toBe('config_invalid');
    expect(error.message).toContain('secret identity');
    const told = `${error.message} ${error.detail} ${error.stack} ${String(error.cause)}`;
    expect(told.toUpperCase()).not.toContain(text.toUpperCase().slice(-20));
  },
);

test('a recipient to which nothing can be sealed is refused before a key needs it', async () => {
  await proveRecipient(parseRecipient(recipient));
  await expect(proveRecipient(parseRecipient(pointless))).rejects.toMatchObject({ code: 'config_invalid' });
});

test('an identity file is read as age-keygen writes it: comments, blank lines, several identities, any line ends', async () => {
  const other = await generateX25519Identity();
  const file = `# created: 2026-01-01T00:00:00Z\r\n# public key: ${recipient}\r\n\r\n${other}\r\n  ${identity}  \r\n`;
  const sealed = await parseRecipient(recipient).seal(plain);
  expect(await parseIdentities(file).open(sealed)).toEqual({ kind: 'opened', plain });
});

test.each([
  ['nothing but comments', '# created: today\n\n', 'no identity'],
  ['an identity that was cut short', `${identity}\n${identity.slice(0, -4)}`, 'Line 2'],
  ['a recipient', recipient, 'Line 1'],
  ['an encrypted identity file', `age-encryption.org/v1\n-> scrypt ${'A'.repeat(20)}`, 'itself encrypted'],
  ['an armored one', '\n-----BEGIN AGE ENCRYPTED FILE-----\nYWdl', 'itself encrypted'],
])('an identity file with %s is refused, and nothing in it is quoted', (_, text, told) => {
  const error = refusalOf(() => parseIdentities(text));
  expect(error.code).toBe('input_invalid');
  expect(error.message).toContain(told);
  expect(`${error.message} ${error.detail} ${String(error.cause)}`).not.toContain('AGE-SECRET-KEY-1');
});

test('what was sealed and then changed or cut short never opens, and is damaged wherever its identity can tell', async () => {
  const sealed = await parseRecipient(recipient).seal(plain);
  const identities = parseIdentities(identity);
  for (const at of [0, sealed.indexOf('--- ') + 8, sealed.length - 1]) {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(await identities.open(changed), `byte ${at}`).toEqual({ kind: 'damaged' });
  }
  for (const kept of [0, 10, sealed.length - 20, sealed.length - 1]) {
    expect(await identities.open(sealed.subarray(0, kept)), `${kept} bytes`).toEqual({ kind: 'damaged' });
  }
});
