import { readdirSync, readFileSync } from 'node:fs';
import { parsePhoneNumberWithError } from 'libphonenumber-js';
import { describe, expect, it } from 'vitest';

type Contact = { channel: number; type: string; firstName: string; lastName: string; phoneNumber: string };

type Turn = { speaker: 'agent' | 'customer'; startMs: number; endMs: number; text: string };

type Sample = {
  file: string;
  customer: string;
  marks: string[];
  durationMs: number;
  info: {
    sessionId: string;
    startTime: string;
    endTime: string;
    contacts: [agent: Contact, customer: Contact];
    audio: { format: string };
    metadata: { note: string };
  };
  turns: Turn[];
};

type Wav = { chunks: string[]; format: Format; data: Buffer };

type Format = { encoding: number; channels: number; rate: number; bitsPerSample: number };

const BUDGET_BYTES = 3_000_000;
const ENCODING_MULAW = 7;
const FRAMES_PER_MS = 8;

const home = new URL('../../../samples/', import.meta.url);
const samples = readSamples();
const customers = new Set(samples.map(({ customer }) => customer));

describe('the sample recordings', () => {
  it('are the files that calls.json lists, no more and no fewer', () => {
    const present = readdirSync(new URL('audio/', home)).map((name) => `audio/${name}`);
    expect(present.toSorted()).toEqual(samples.map(({ file }) => file).toSorted());
  });

  it('stay within 3 MB', () => {
    const sizes = samples.map(({ file }) => readFileSync(new URL(file, home)).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(BUDGET_BYTES);
  });

  it('are calls of at least four customers, each call with a session id of its own', () => {
    expect(customers.size).toBeGreaterThanOrEqual(4);
    expect(new Set(samples.map(({ info }) => info.sessionId)).size).toBe(samples.length);
  });

  it('hold one customer who called four times under four spellings of one number', () => {
    const spellings = [...customers].map((key) => samples.filter(({ customer }) => customer === key).map(numberOf));
    expect(spellings.some((numbers) => numbers.length === 4 && new Set(numbers).size === 4)).toBe(true);
    for (const numbers of spellings) expect(new Set(numbers.map(e164)).size).toBe(1);
  });

  it('never give two customers one number', () => {
    expect(new Set(samples.map((sample) => e164(numberOf(sample)))).size).toBe(customers.size);
  });
});

describe.each(samples)('$file', (sample) => {
  const { file, info, marks, turns } = sample;
  const bytes = readFileSync(new URL(file, home));
  const wav = parseWav(bytes);

  it('is two channels of mu-law at 8 kHz, without a chunk that could hold text', () => {
    expect(wav.format).toEqual({ encoding: ENCODING_MULAW, channels: 2, rate: 8000, bitsPerSample: 8 });
    expect(wav.chunks).toEqual(['fmt ', 'fact', 'data']);
    expect(info.audio.format).toBe('wav');
  });

  it('lasts as long as its times say', () => {
    expect(wav.data.length / 2 / FRAMES_PER_MS).toBe(sample.durationMs);
    expect(Date.parse(info.endTime) - Date.parse(info.startTime)).toBe(sample.durationMs);
  });

  it('lets one party speak at a time, the agent on channel 0 and the customer on channel 1', () => {
    expect(info.contacts.map(({ channel, type }) => [channel, type])).toEqual([
      [0, 'agent'],
      [1, 'customer'],
    ]);
    expect(new Set(turns.map(({ speaker }) => speaker))).toEqual(new Set(['agent', 'customer']));
    for (const [i, turn] of turns.entries()) {
      expect(turn.startMs).toBeGreaterThan(turns[i - 1]?.endMs ?? 0);
      const [speaking, silent] = turn.speaker === 'agent' ? ([0, 1] as const) : ([1, 0] as const);
      expect(loudness(wav, speaking, turn)).toBeGreaterThan(10 * loudness(wav, silent, turn));
    }
  });

  it("carries its customer's marks in the text and the details, and not in its bytes", () => {
    const { firstName, lastName, phoneNumber } = info.contacts[1];
    const [word = ''] = marks;
    expect(marks).toEqual(expect.arrayContaining([firstName, lastName, phoneNumber]));
    expect(word).toMatch(/^[a-z]{10,}$/);
    expect(turns.map(({ text }) => text).join(' ')).toContain(word);
    expect(info.metadata.note).toContain(word);
    expect(marks.filter((mark) => bytes.includes(mark))).toEqual([]);
  });

  it('has marks that occur in no call of another customer', () => {
    const others = samples.filter(({ customer }) => customer !== sample.customer);
    const text = JSON.stringify(others).toLowerCase();
    expect(marks.filter((mark) => text.includes(mark.toLowerCase()))).toEqual([]);
  });
});

/** The list in the repository; the tests above fail where its shape is not this. */
function readSamples(): Sample[] {
  return JSON.parse(readFileSync(new URL('calls.json', home), 'utf8')) as Sample[];
}

function numberOf({ info }: Sample): string {
  return info.contacts[1].phoneNumber;
}

function e164(number: string): string {
  return parsePhoneNumberWithError(number, 'US').number;
}

/** RIFF/WAVE, as far as these files go: every chunk's name, the format and the samples. */
function parseWav(bytes: Buffer): Wav {
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') {
    throw new Error('not a WAV file');
  }
  if (bytes.readUInt32LE(4) !== bytes.length - 8) throw new Error('the RIFF length is not the length of the file');
  const chunks = new Map<string, Buffer>();
  for (let at = 12; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at + 4);
    chunks.set(bytes.toString('latin1', at, at + 4), bytes.subarray(at + 8, at + 8 + size));
    at += 8 + size + (size % 2);
  }
  const format = chunks.get('fmt ');
  const data = chunks.get('data');
  if (format === undefined || data === undefined) throw new Error('the format or the data is missing');
  return { chunks: [...chunks.keys()], format: parseFormat(format), data };
}

function parseFormat(chunk: Buffer): Format {
  return {
    encoding: chunk.readUInt16LE(0),
    channels: chunk.readUInt16LE(2),
    rate: chunk.readUInt32LE(4),
    bitsPerSample: chunk.readUInt16LE(14),
  };
}

/** Root mean square of one channel during a turn, in steps of 16-bit samples. */
function loudness({ data }: Wav, channel: 0 | 1, { startMs, endMs }: Turn): number {
  let squares = 0;
  for (let frame = startMs * FRAMES_PER_MS; frame < endMs * FRAMES_PER_MS; frame++) {
    squares += decodeMulaw(data.readUInt8(frame * 2 + channel)) ** 2;
  }
  return Math.sqrt(squares / ((endMs - startMs) * FRAMES_PER_MS));
}

/** ITU-T G.711, mu-law: inverted bits of sign, exponent and mantissa, to a 16-bit sample. */
function decodeMulaw(code: number): number {
  const bits = ~code & 0xff;
  const exponent = (bits >> 4) & 7;
  const magnitude = (((bits & 0xf) * 2 + 33) << (exponent + 2)) - 132;
  return bits & 0x80 ? -magnitude : magnitude;
}
