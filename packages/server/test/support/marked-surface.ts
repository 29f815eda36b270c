/** Every route of Creovai's API, asked with marked words by one client, in an order in which each finds what it is for. */
import { untilQuiet } from '../crash/quiet.ts';
import { type Named, namedBy } from './creovai-bodies.ts';
import { creovaiRoutes } from './creovai-routes.ts';
import { visit } from './guest.ts';
import type { TestApp } from './harness.ts';
import { marks } from './marks.ts';
import type { VendorClient } from './vendor-client.ts';

const patterns = creovaiRoutes.map(({ pattern }) => pattern);
const captures = creovaiRoutes.flatMap(({ archives, pattern }) => (archives ? [pattern] : []));
const events = patterns.filter((pattern) => pattern.includes('/outofband/'));
const shares = patterns.filter((pattern) => pattern.endsWith('/token'));
const purges = patterns.filter((pattern) => /\/purge\b/.test(pattern));
const others = patterns.filter((one) => ![captures, events, shares, purges].some((group) => group.includes(one)));

/** Archives by every route, with events before, between and after; reads, shares, excludes, purges. Gives the links it made. */
export async function askEveryRoute(app: TestApp, client: VendorClient): Promise<string[]> {
  const calls: Named[] = captures.map((_, i) => ({ ...named, session: `${marks.session}-every-${i}` }));
  const first = { ...named, ...calls[0] };
  for (const pattern of events) await client.asked(pattern, first, late(marks.waitingEvent));
  for (const [i, pattern] of captures.entries()) {
    const call = { ...named, ...calls[i] };
    calls[i] = { ...call, callId: await client.archived(pattern, call, written(pattern), markedAudio) };
  }
  for (const pattern of events) for (const call of calls) await client.asked(pattern, call, late(marks.appliedEvent));
  const links = await shareAndVisit(client, calls);
  for (const pattern of others) await client.ask(pattern, { ...named, ...calls[0] }, said(pattern));
  for (const call of calls) await client.get(`/interactions/v2/${call.callId}`);
  await purgeAll(client, calls);
  await untilQuiet(app.engine);
  for (const pattern of events) for (const call of calls) await client.asked(pattern, call, late(marks.droppedEvent));
  for (const pattern of captures) for (const call of calls) await client.ask(pattern, call, written(pattern));
  for (const link of links) await visit(link);
  // Two that are there to the end: one of a call that is kept, one of a session that never comes.
  for (const session of [marks.keptSession, `${marks.session}-never`]) {
    await client.asked('/capture/v2/outofband/interaction', { ...named, session }, late(marks.waitingEvent));
  }
  return links;
}

const named: Named = {
  ...namedBy('', '', `+1${marks.phone}`),
  master: marks.master,
  case: marks.case,
  collection: marks.collection,
  email: marks.email,
};
const markedAudio = Buffer.from(marks.audio.repeat(5000));
const late = (word: string) => ({ metadata: { [marks.eventKey]: { [marks.deepKey]: [word] } } });

/** What a call, chat or case may hold beside what it is found by. */
function written(pattern: string): object {
  const message = { content: marks.message, utcTimestamp: '2024-03-01T10:00:00Z', [marks.extra]: marks.extra };
  const events = [{ id: marks.customEvent, source: marks.customEvent }];
  const person = {
    referenceId: marks.reference,
    firstName: marks.firstName,
    lastName: marks.lastName,
    phoneNumber: `+1${marks.phone}`,
    email: marks.email,
    type: 'Customer',
    messages: [{ ...message, customEvents: events }],
    [marks.extra]: marks.extra,
  };
  return {
    [pattern.startsWith('/capture/v2') ? 'participants' : 'contacts']: [person],
    messages: [{ ...message, senderReferenceId: marks.sender, channel: marks.sender }],
    numberDialed: `+1${marks.dialled}`,
    audio: { format: 'mp3', [marks.extra]: marks.extra },
    metadata: { [marks.metadataKey]: { [marks.deepKey]: [[[marks.deepValue]]] } },
    [marks.extra]: marks.extra,
  };
}

function said(pattern: string): object {
  return pattern.endsWith('/monitor') ? { name: marks.broker, softwareVersion: marks.version } : {};
}

async function shareAndVisit(client: VendorClient, calls: readonly Named[]): Promise<string[]> {
  const links: string[] = [];
  for (const call of calls) {
    for (const pattern of shares) {
      const shared = await client.asked<Record<string, string>>(pattern, call, { email: marks.guest });
      const link = shared['shareUri'] ?? shared['callUrl'] ?? '';
      await visit(link);
      await visit(`${link}/audio`);
      links.push(link);
    }
  }
  return links;
}

/** Each by another route, customers last, since nothing of theirs is left then; each asked what it would do before. */
async function purgeAll(client: VendorClient, calls: readonly Named[]): Promise<void> {
  const ways = purges.toSorted((a, b) => Number(a.endsWith('customer')) - Number(b.endsWith('customer')));
  for (const [i, pattern] of ways.entries()) {
    const call = { ...named, ...calls[i] };
    await client.send(`${pattern}?whatIf=true`, {
      body: JSON.stringify({ ids: [call.session], emails: [marks.email] }),
    });
    await client.asked(pattern, call);
  }
}
