import type { Turn } from '../../engine/archive/new-call.ts';
import type { ReadCall } from '../../engine/calls/read-call.ts';
import { escapeHtml } from '../escape-html.ts';
import { nameOf, type StoredContact, storedContacts } from '../stored-contacts.ts';
import { utcTime } from '../utc-time.ts';
import { htmlPage } from './html.ts';

const titles = { call: 'Shared call', chat: 'Shared chat', case: 'Shared case' } as const;

/**
 * The page of a shared call: when it began, how long it was, its recording to listen to, and who said what when. Names are
 * on it, as they are what is shared; numbers and addresses are not.
 *
 * @param audioSource where the recording is, as the page names it.
 */
export function callPage(read: ReadCall, audioSource: string): string {
  const { call, recording, transcript } = read;
  const turns = transcript === null ? [] : inTime(transcript.turns, call);
  const sections = [factsOf(call)];
  if (recording !== null) sections.push(`<audio controls preload="metadata" src="${escapeHtml(audioSource)}"></audio>`);
  if (turns.length > 0) sections.push(transcriptOf(turns, storedContacts(read.details)));
  if (recording === null && turns.length === 0) {
    sections.push('<p class="soft">There is no recording and no transcript.</p>');
  }
  return htmlPage(titles[call.kind], sections.join('\n'));
}

function factsOf({ startedAt, durationMs }: ReadCall['call']): string {
  const started = startedAt === null ? '' : `<dt>Started</dt><dd>${moment(startedAt)}</dd>`;
  const duration = durationMs === null ? '' : `<dt>Duration</dt><dd>${inWords(durationMs)}</dd>`;
  return started + duration === '' ? '' : `<dl>${started}${duration}</dl>`;
}

/**
 * Turns as they followed one another: clients may give them person by person. What has no time stays behind what came
 * before it.
 */
function inTime(turns: readonly Turn[], { startedAt }: ReadCall['call']): Turn[] {
  let last = Number.NEGATIVE_INFINITY;
  const timed = turns.map((turn) => {
    const spokenAt = turn.startMs === null ? null : (startedAt ?? 0) + turn.startMs;
    last = spokenAt ?? turn.at ?? last;
    return { turn, at: last };
  });
  // Not by their difference: that of two infinities is none. The sort is stable.
  return timed.sort((a, b) => Number(a.at > b.at) - Number(a.at < b.at)).map(({ turn }) => turn);
}

function transcriptOf(turns: readonly Turn[], contacts: readonly StoredContact[]): string {
  const names = contacts.map((contact, place) => escapeHtml(nameOf(contact) ?? roleOf(contact, place)));
  const items = turns.map((turn) => {
    const speaker = turn.participant === null ? undefined : names[turn.participant];
    const who = speaker ?? escapeHtml(turn.role?.trim() || 'Unknown');
    const text = `<p dir="auto">${escapeHtml(turn.text)}</p>`;
    return `<li><p class="who"><bdi>${who}</bdi>${whenOf(turn)}</p>${text}</li>`;
  });
  return `<h2>Transcript</h2>\n<ol>\n${items.join('\n')}\n</ol>`;
}

/** Whoever has no name is called by what he is, or else by his place, counted from 1. */
function roleOf({ type }: StoredContact, place: number): string {
  return type?.trim() || `Participant ${place + 1}`;
}

/** A spoken turn by its place in the recording, a written one by its time. */
function whenOf({ startMs, at }: Turn): string {
  if (startMs !== null) return `<span class="when">${offset(startMs)}</span>`;
  return at === null ? '' : moment(at);
}

/** Without a script nobody knows where the reader is: all times are UTC and say so. */
function moment(ms: number): string {
  const iso = utcTime(ms);
  return `<time class="when" datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

/** `0:07`, `12:05`, `1:02:03`. */
function offset(ms: number): string {
  const { hours, minutes, seconds } = clockOf(Math.floor(ms / 1000));
  const tail = `${String(minutes).padStart(hours > 0 ? 2 : 1, '0')}:${String(seconds).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}

/** `7 s`, `12 min 5 s`, `1 h 0 min 3 s`. */
function inWords(ms: number): string {
  const { hours, minutes, seconds } = clockOf(Math.round(ms / 1000));
  if (hours > 0) return `${hours} h ${minutes} min ${seconds} s`;
  return minutes > 0 ? `${minutes} min ${seconds} s` : `${seconds} s`;
}

function clockOf(wholeSeconds: number): { hours: number; minutes: number; seconds: number } {
  const all = Math.max(0, wholeSeconds);
  return { hours: Math.floor(all / 3600), minutes: Math.floor(all / 60) % 60, seconds: all % 60 };
}
