import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { CertificateFiles } from '../config.ts';
import type { Certificate } from '../http/tls.ts';
import { systemError } from '../lib/durable-files.ts';
import { AppError } from '../model/errors.ts';

/**
 * Reads the certificate and its key, and proves that a listener can use them. Throws `config_invalid`, which names the
 * setting at fault: a file that cannot be read, no PEM of the right sort, a key under a passphrase, or another's key.
 */
export async function readCertificate({ certFile, keyFile }: CertificateFiles): Promise<Certificate> {
  const cert = await read('TACET_TLS_CERT', certFile);
  const key = await read('TACET_TLS_KEY', keyFile);
  const first = parse('TACET_TLS_CERT', 'certificate', () => {
    // Every certificate of the file, where the other reads only the first.
    createSecureContext({ cert });
    return new X509Certificate(cert);
  });
  const owner = parse('TACET_TLS_KEY', 'private key without a passphrase', () => createPrivateKey(key));
  // OpenSSL itself lets a key of another kind stand beside a certificate, and then fails in every handshake.
  if (!first.checkPrivateKey(owner))
    throw refused('TACET_TLS_KEY', 'does not belong to the first certificate in TACET_TLS_CERT');
  parse('TACET_TLS_KEY', 'private key that TLS can use', () => createSecureContext({ cert, key }));
  return { cert, key };
}

type Name = 'TACET_TLS_CERT' | 'TACET_TLS_KEY';

async function read(name: Name, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw refused(name, 'cannot be read', systemError(error)?.code);
  }
}

/** Says of OpenSSL's refusal no more than its code: its words are for those who know its insides. */
function parse<T>(name: Name, what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    throw refused(name, `holds no PEM ${what}`, code);
  }
}

function refused(name: Name, why: string, detail?: string): AppError {
  return new AppError('config_invalid', { message: `${name} ${why}`, ...(detail !== undefined && { detail }) });
}
