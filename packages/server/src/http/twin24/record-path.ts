/** By media type, in lower case and without parameters. */
const extensions: ReadonlyMap<string, string> = new Map([
  ['audio/mpeg', 'mp3'],
  ['audio/mp3', 'mp3'],
  ['audio/mpeg3', 'mp3'],
  ['audio/x-mp3', 'mp3'],
  ['audio/x-mpeg', 'mp3'],
  ['audio/x-mpeg-3', 'mp3'],
  ['audio/wav', 'wav'],
  ['audio/wave', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/vnd.wave', 'wav'],
  ['audio/ogg', 'ogg'],
  ['audio/opus', 'ogg'],
  ['application/ogg', 'ogg'],
  ['audio/mp4', 'm4a'],
  ['audio/m4a', 'm4a'],
  ['audio/x-m4a', 'm4a'],
]);
const otherExtension = 'bin';
const knownExtensions: ReadonlySet<string> = new Set([...extensions.values(), otherExtension]);

/**
 * The absolute link to a recording. Clients save it under its last part and go by the extension, so that has one after the
 * secret.
 */
export function recordPath(publicUrl: string, token: string, contentType: string): string {
  const [mediaType = ''] = contentType.split(';');
  const extension = extensions.get(mediaType.trim().toLowerCase()) ?? otherExtension;
  return `${publicUrl}/cis/api/v1/records/${token}.${extension}`;
}

/** The secret in the last part of such a link; undefined where that is of another form. */
export function tokenInRecordPath(lastPart: string): string | undefined {
  const dot = lastPart.lastIndexOf('.');
  return dot > 0 && knownExtensions.has(lastPart.slice(dot + 1)) ? lastPart.slice(0, dot) : undefined;
}
