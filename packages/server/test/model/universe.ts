/** All that histories are about: two tenants with the same sessions and phones, and one fixed content per session and variant. */
import { createHash } from 'node:crypto';
import type { NewCall } from '../../src/engine/archive/new-call.ts';
import { type Identifier, noCampaign } from '../../src/model/call.ts';
import { recordingOf } from '../crash/life.ts';
import { spokenOnce } from '../support/spoken.ts';

export const tenantSlugs = ['north', 'south'] as const;
export const sessions = ['s0', 's1', 's2', 's3', 's4'] as const;
/** Different contents that one session may be uploaded with. */
export const variants = 3;
/** Each a number as it may be written; the last is a short number that no country has. */
export const phones = [
  ['+15125550100', '(512) 555-0100', '512.555.0100'],
  ['+15125550101', '1 (512) 555-0101', '512 555 0101'],
  ['+442079460102', '+44 20 7946 0102', '+44-20-79460102'],
  ['1001', '10-01', '1001'],
] as const;
/** An id that no call ever has. */
export const unknownId = '01900000-0000-7000-8000-00000000cafe';
/** A session that is never uploaded. */
export const unknownSession = 's-never';

const dayMs = 24 * 3_600_000;
const firstDay = 1_700_000_000_000;

/** Ranges of holds, in ms: all calls, early ones, late ones (those of unknown start included), none. */
export const ranges = [
  { from: null, to: null },
  { from: null, to: firstDay + dayMs / 2 },
  { from: firstDay + dayMs / 2, to: null },
  { from: firstDay + dayMs / 4, to: firstDay + dayMs / 2 },
] as const;

/** One content, by the session that it names. */
export type Content = { session: string; variant: number };

/** What the rules need to know of a content. `phones` are positions in the list above. */
export type Facts = {
  kind: 'call' | 'chat';
  phones: number[];
  external: string | null;
  hasTranscript: boolean;
  bytes: number;
  startedAt: number | null;
};

/** Small recordings, and some of two sealed segments. */
export function factsOf({ session, variant }: Content): Facts {
  const n = Number(session.slice(1)) * variants + variant;
  const kind = n % 5 === 4 ? 'chat' : 'call';
  const bytes = n % 3 === 0 ? 70_000 + n : 900 + 31 * n;
  return {
    kind,
    phones: n % 3 === 0 ? [n % phones.length, (n + 1) % phones.length] : [n % phones.length],
    external: (n * 7) % 11 < 3 ? `x${n % 2}` : null,
    hasTranscript: n % 2 === 0,
    bytes: kind === 'chat' ? 0 : bytes,
    startedAt: n % 7 === 6 ? null : firstDay + (n % 3) * dayMs,
  };
}

/** The content as a surface would hand it over. */
export function newCallOf(content: Content): NewCall {
  const { kind, external, hasTranscript, startedAt, phones: numbers } = factsOf(content);
  const written = numbers.map((phone) => phones[phone]?.[content.variant] ?? '');
  const identifiers: Identifier[] = [
    { kind: 'session', value: content.session },
    ...written.map((value): Identifier => ({ kind: 'phone', value })),
    ...(external === null ? [] : [{ kind: 'external', value: external } as const]),
  ];
  return {
    kind,
    source: 'creovai',
    direction: 'inbound',
    startedAt,
    endedAt: null,
    durationMs: null,
    ...noCampaign,
    identifiers,
    details: { participants: written.map((phone) => ({ phone, role: 'customer' })), content: nameOf(content) },
    correlation: {
      sessionId: content.session,
      ...(external !== null && { externalId: external }),
      content: nameOf(content),
    },
    transcript: hasTranscript ? Object.assign(spokenOnce(nameOf(content)), { content: nameOf(content) }) : null,
    audioFormat: null,
  };
}

/** How reports and looks name a content. */
export function nameOf({ session, variant }: Content): string {
  return `${session}/${variant}`;
}

/** The recording of a content, the same bytes whenever it is asked for. */
export function audioOf(content: Content): Buffer {
  const name = nameOf(content);
  const known = recordings.get(name);
  if (known) return known;
  const bytes = recordingOf({ session: name, phone: '', bytes: factsOf(content).bytes });
  recordings.set(name, bytes);
  names.set(digestOf(bytes), name);
  return bytes;
}

/** Whose recording, or which part of whose, these bytes are, bit for bit; `other` for what was never uploaded. */
export function whoseAudio(bytes: Buffer, part?: { from: number; to: number; sizeBytes: number }): string {
  if (part === undefined) return names.get(digestOf(bytes)) ?? 'other';
  const whole = [...recordings].find(([, { length }]) => length === part.sizeBytes);
  return whole?.[1].subarray(part.from, part.to).equals(bytes) ? whole[0] : 'other';
}

const recordings = new Map<string, Buffer>();
const names = new Map<string, string>();

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
