/** A token in the compact form of RFC 7515, section 7.1, in its three parts. */
export type CompactJws = {
  /** The header as it stands in the token, base64url. */
  header: string;
  payload: Buffer;
  /** What is signed: header and payload with the dot between them. ASCII. */
  signed: Buffer;
  signature: Buffer;
};

/**
 * The parts of a token; undefined unless there are three of base64url, no longer than `lengthMax` characters in all, with
 * a signature of `signatureBytes`.
 *
 * The signature must also be the one canonical text of its bytes: decoders ignore the last bits of such a text, which would
 * give every token twins. The other parts are signed as text.
 */
export function splitCompactJws(
  token: string,
  { lengthMax, signatureBytes }: { lengthMax: number; signatureBytes: number },
): CompactJws | undefined {
  if (token.length > lengthMax) return undefined;
  const [, header, payload, signature] = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/.exec(token) ?? [];
  if (header === undefined || payload === undefined || signature === undefined) return undefined;
  const bytes = Buffer.from(signature, 'base64url');
  if (bytes.length !== signatureBytes || bytes.toString('base64url') !== signature) return undefined;
  return {
    header,
    payload: Buffer.from(payload, 'base64url'),
    signed: Buffer.from(`${header}.${payload}`, 'latin1'),
    signature: bytes,
  };
}

/** The value that JSON in UTF-8 says; undefined for bytes that are none. */
export function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** True for what JSON calls an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 7519's NumericDate, whole and small enough to count in milliseconds too. */
export function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1_000;
}
