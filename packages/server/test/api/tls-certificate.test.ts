import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCertificate } from '../../src/cli/certificate.ts';
import { hasCode } from '../../src/model/errors.ts';
import { makeCertificate, type TestCertificate } from '../support/tls-certificates.ts';

let folder: string;
let ec: TestCertificate;
let rsa: TestCertificate;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
  ec = await makeCertificate(folder, 'ec.example', 'ec');
  rsa = await makeCertificate(folder, 'rsa.example', 'rsa');
  await writeFile(join(folder, 'nonsense.pem'), 'nonsense');
  await writeFile(join(folder, 'empty.pem'), '');
});

afterAll(async () => await rm(folder, { recursive: true, force: true }));

/** The message and detail of the refusal. */
async function refusal(certFile: string, keyFile: string): Promise<string> {
  const error: unknown = await readCertificate({ certFile, keyFile }).catch((reason: unknown) => reason);
  if (!hasCode(error, 'config_invalid')) throw new Error('it was not refused');
  return `${error.message} (${error.detail})`;
}

test('a certificate and its key are read as they are, with the certificates that follow', async () => {
  for (const { certFile, keyFile, cert, key } of [ec, rsa]) {
    expect(await readCertificate({ certFile, keyFile })).toEqual({ cert, key });
  }
  const chain = join(folder, 'chain.pem');
  await writeFile(chain, Buffer.concat([ec.cert, rsa.cert]));
  expect(await readCertificate({ certFile: chain, keyFile: ec.keyFile })).toMatchObject({ key: ec.key });
});

test('a certificate that is of no use is refused by the name of its setting, and not of its file', async () => {
  for (const name of ['missing.pem', 'nonsense.pem', 'empty.pem', 'ec.example.key', '.']) {
    const said = await refusal(join(folder, name), ec.keyFile);
    expect(said).toMatch(/^TACET_TLS_CERT (cannot be read|holds no PEM certificate) \([A-Z_]+\)$/);
  }
});

test('one that is broken off behind the first is refused as well', async () => {
  const broken = join(folder, 'broken.pem');
  await writeFile(broken, Buffer.concat([ec.cert, rsa.cert.subarray(0, 300)]));
  expect(await refusal(broken, ec.keyFile)).toMatch(/^TACET_TLS_CERT holds no PEM certificate/);
});

test('a key that is of no use is refused by the name of its setting, and not of its file', async () => {
  for (const name of ['missing.pem', 'nonsense.pem', 'empty.pem', 'ec.example.crt', '.']) {
    const said = await refusal(ec.certFile, join(folder, name));
    expect(said).toMatch(
      /^TACET_TLS_KEY (cannot be read|holds no PEM private key without a passphrase) \([A-Z_0-9]+\)$/,
    );
  }
});

test('a key under a passphrase is refused: nobody is there to type it', async () => {
  const locked = join(folder, 'locked.key');
  const args = ['pkcs8', '-topk8', '-v2', 'aes128', '-passout', 'pass:word', '-in', rsa.keyFile, '-out', locked];
  await promisify(execFile)('openssl', args);
  expect(await refusal(rsa.certFile, locked)).toMatch(/^TACET_TLS_KEY holds no PEM private key without a passphrase/);
});

test('the key of another certificate is refused, of the same sort or of another', async () => {
  const other = await makeCertificate(folder, 'other.example', 'ec');
  for (const [{ certFile }, { keyFile }] of [
    [ec, other],
    [ec, rsa],
    [rsa, ec],
  ] as const) {
    expect(await refusal(certFile, keyFile)).toMatch(/^TACET_TLS_KEY does not belong to the first certificate/);
  }
  const turned = join(folder, 'turned.pem');
  await writeFile(turned, Buffer.concat([rsa.cert, ec.cert]));
  expect(await refusal(turned, ec.keyFile)).toMatch(/^TACET_TLS_KEY does not belong to the first certificate/);
});
