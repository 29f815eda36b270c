/** One recording of each kind that Creovai's clients send: real headers, and then whatever a careless reader would change. */
import { createCipheriv } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type SampleAudio = {
  /** As `audio.format` names it, and as a Content-Type does. */
  format: string;
  type: string;
  bytes: Buffer;
};

/** A few segments of the sealing, and not a whole number of them. */
const noiseBytes = 3 * 65_536 + 1_001;

/** Ends of lines, of parts, of chunks and of text, beginnings of every client's boundary, and marks that readers drop. */
const lookAlikes = [
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r\n--',
  '\r\n--\r\n',
  '\r\n------formdata-undici-0',
  '\r\n----WebKitFormBoundary',
  '\r\n--0b7f6c1e-3d52-4a8e-9f10-6a5d4c3b2a1',
  '\r\n--MIME_boundary_5D3A9C41F27B0E6',
  '\r\nContent-Disposition: form-data; name="info"\r\n\r\n{}',
  '0\r\n\r\n',
  '\0',
  '\u001a',
  '\ufeff',
  '\u0080\u00ff\u00fe',
].map((text) => Buffer.from(text, text.includes('\ufeff') ? 'utf8' : 'latin1'));

/** Bytes without a pattern, the same in every run, with look-alikes strewn among them and at both ends. */
function noise(seed: number): Buffer {
  const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32, seed), Buffer.alloc(16));
  const plain = cipher.update(Buffer.alloc(noiseBytes));
  const stepBytes = Math.floor(noiseBytes / lookAlikes.length);
  const pieces = lookAlikes.flatMap((piece, at) => [piece, plain.subarray(at * stepBytes, (at + 1) * stepBytes)]);
  return Buffer.concat([...pieces, ...lookAlikes.toReversed(), Buffer.from('\r\n')]);
}

function wav(): Buffer {
  return readFileSync(join(import.meta.dirname, '../../../../samples/audio/01-card-lost.wav'));
}

/** An empty ID3v2.4 tag, then frames of MPEG-1 layer III at 128 kbit/s and 44.1 kHz. */
function mp3(): Buffer {
  const frameBytes = 417;
  const frames = noise(3);
  for (let at = 0; at + frameBytes <= frames.length; at += frameBytes) frames.writeUInt32BE(0xfffb9064, at);
  return Buffer.concat([Buffer.from('ID3\u0004\0\0\0\0\0\0', 'latin1'), frames]);
}

/** The first page of an Ogg stream (RFC 3533) with the header of Opus (RFC 7845), then noise. */
function ogg(): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 'latin1');
  head.set([1, 2], 8);
  head.writeUInt32LE(48_000, 12);
  const page = Buffer.alloc(28);
  page.write('OggS', 'latin1');
  page.set([0, 2], 4);
  page.writeUInt32LE(0x54414345, 14);
  page.set([1, head.length], 26);
  return Buffer.concat([page, head, noise(5)]);
}

/** A file type box and a box of media data (ISO/IEC 14496-12). */
function mp4(): Buffer {
  const data = noise(7);
  const box = Buffer.alloc(8);
  box.writeUInt32BE(box.length + data.length);
  box.write('mdat', 4, 'latin1');
  return Buffer.concat([Buffer.from('\0\0\0\u0018ftypM4A \0\0\0\0M4A isom', 'latin1'), box, data]);
}

export const sampleAudio: readonly SampleAudio[] = [
  { format: 'wav', type: 'audio/wav', bytes: Buffer.concat([wav(), noise(1)]) },
  { format: 'wav', type: 'audio/x-wav', bytes: wav() },
  { format: 'mp3', type: 'audio/mp3', bytes: mp3() },
  { format: 'audio/mpeg', type: 'audio/mpeg', bytes: mp3() },
  { format: 'opus', type: 'audio/ogg', bytes: ogg() },
  { format: 'mp4', type: 'audio/mp4', bytes: mp4() },
];
