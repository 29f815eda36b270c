/** Certificates made for one test, each its own authority, by the `openssl` of the machine. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Certificate } from '../../src/http/tls.ts';

const run = promisify(execFile);

export type TestCertificate = Certificate & { certFile: string; keyFile: string };

const algorithms = {
  ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['rsa:2048'],
} as const;

/** Makes NAME.crt and NAME.key in a folder, for the name NAME and for 127.0.0.1. */
export async function makeCertificate(
  folder: string,
  name: string,
  algorithm: keyof typeof algorithms = 'ec',
): Promise<TestCertificate> {
  const [certFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const files = ['-keyout', keyFile, '-out', certFile];
  await run('openssl', ['req', '-x509', '-nodes', '-newkey', ...algorithms[algorithm], ...subject, ...files]);
  return { certFile, keyFile, cert: await readFile(certFile), key: await readFile(keyFile) };
}
