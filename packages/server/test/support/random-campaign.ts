/** Calls and candidates as some platform might report them: any of their fields may be there or not. */
import { dialStatuses, isLive } from '../../src/model/call.ts';
import type { Prng } from '../attacker/prng.ts';
import { botId } from './twin-campaigns.ts';

export type Json = Record<string, unknown>;
/** A call, and the fields of its row that must show something because of what was said. */
export type RandomCall = { call: Json; recording: Buffer | undefined; shows: readonly string[] };

/** Numbers that nobody else of the same world has. */
export class Numbers {
  #last = 1000;

  next(prng: Prng): string {
    this.#last += 1;
    const line = `${this.#last}`;
    return prng.pick([`+1512555${line}`, `1512555${line}`, `(512) 555-${line}`]);
  }
}

/** What a candidate says of itself beside its task. */
export function randomCandidate(prng: Prng, numbers: Numbers): Json {
  const phone = Array.from({ length: 1 + prng.below(4) }, () => numbers.next(prng));
  return {
    phone,
    ...sometimes(prng, {
      variables: randomMap(prng),
      callbackData: prng.pick<unknown>([randomMap(prng), []]),
      clientExternalId: randomText(prng),
      timezone: 3600 * (prng.below(26) - 12),
      checkPhone: prng.pick<unknown>([true, 'later', 1]),
      autoCallTemplateId: botId(),
      botSettingsId: botId(),
    }),
  };
}

/** A call that is over. `of` is whose: a candidate's, a task's alone, or nobody's. */
export function randomCall(prng: Prng, numbers: Numbers, of: { candidateId?: string; taskId?: string }): RandomCall {
  const customers = Array.from({ length: prng.below(3) }, () => randomCustomer(prng, numbers));
  const [transcript, participants] = [randomTranscript(prng), [...customers, ...machines(prng, numbers)]];
  const direction = prng.pick(['inbound', 'outbound']);
  const said = sometimes(prng, {
    ...(participants.length > 0 && { participants }),
    ...(transcript.length > 0 && { transcript }),
    variables: randomMap(prng),
    results: randomResults(prng),
    dialogResult: prng.pick<unknown>([randomText(prng), 7, false, randomMap(prng)]),
    nps: prng.below(11),
    redirect: { additional: randomText(prng), anons: randomText(prng), destination: 'ch', destinationId: '1001' },
    logLink: `https://logs.example/${randomText(prng)}`,
    metadata: randomMap(prng),
    ...randomCorrelation(prng, numbers),
  });
  const recording = prng.chance(0.7) ? Buffer.from(randomText(prng).repeat(50 + prng.below(3000))) : undefined;
  const startedAt = new Date(Date.UTC(2026, prng.below(6), 1 + prng.below(28), prng.below(24))).toISOString();
  const call = { startedAt, direction, ...of, ...said };
  return { call, recording, shows: [...showsOf(call), ...(recording ? ['recordPath'] : [])] };
}

function randomCustomer(prng: Prng, numbers: Numbers): Json {
  const [phone, email] = [numbers.next(prng), `someone-${prng.below(1e9)}@example.org`];
  const role = prng.pick(['customer', 'Customer', 'lead']);
  return { ...sometimes(prng, { role, phone, email, name: randomText(prng) }), ...(prng.chance(0.5) && { phone }) };
}

function machines(prng: Prng, numbers: Numbers): Json[] {
  return prng.chance(0.5) ? [{ role: prng.pick(['bot', 'AGENT']), phone: numbers.next(prng) }] : [];
}

function randomTranscript(prng: Prng): Json[] {
  return Array.from({ length: prng.below(4) }, (_, i) => ({
    text: randomText(prng),
    ...sometimes(prng, { role: prng.pick(['bot', 'customer']), startMs: i * 1000, endMs: i * 1000 + 900 }),
  }));
}

function randomCorrelation(prng: Prng, numbers: Numbers): Json {
  return {
    sessionId: `session ${prng.below(1e9)}`,
    externalId: randomText(prng),
    callbackData: prng.pick<unknown>([randomMap(prng), randomText(prng), []]),
    ownNumber: numbers.next(prng),
    shortNumber: '0911',
    botName: randomText(prng),
    responder: prng.pick(['robot', 'human']),
    transferredToOperator: prng.chance(0.5),
    price: prng.below(1000) / 100,
    regionId: prng.below(90),
    timezone: 3600 * prng.below(12),
    botId: botId(),
    status: prng.pick(dialStatuses.filter((dialStatus) => !isLive({ dialStatus }))),
    durationMs: prng.below(600_000),
  };
}

/** The values that clients know as lifted out of the results are there more often than not. */
function randomResults(prng: Prng): unknown {
  const lifted = sometimes(prng, { confirmation: randomText(prng), evaluation: prng.below(6), nps: prng.below(11) });
  return prng.pick<unknown>([{ ...randomMap(prng), ...lifted }, lifted, randomText(prng), [randomText(prng)], []]);
}

function randomMap(prng: Prng): Json {
  const names = ['name', 'имя клиента', 'долг', 'a.b', '__proto__', 'x'].filter(() => prng.chance(0.5));
  const value = () =>
    prng.pick<unknown>([randomText(prng), prng.below(1000), true, null, { deep: [randomText(prng)] }]);
  return Object.fromEntries(names.map((name) => [name, value()]));
}

function randomText(prng: Prng): string {
  return `${prng.pick(['Иван Петров', 'Ann', 'слово', '\u{1f600} "quoted" \\ text'])} ${prng.below(1e9)}`;
}

/** Some of the fields. */
function sometimes(prng: Prng, fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(() => prng.chance(0.65)));
}

/** Fields of the row that cannot be empty after this was said. */
function showsOf(call: Json): string[] {
  const {
    variables,
    results,
    redirect,
    participants = [],
  } = call as { [name: string]: unknown } & {
    participants?: Json[];
  };
  const isSaid = (name: string) => call[name] !== undefined;
  const phones = participants.filter(({ role, phone }) => phone && !['bot', 'AGENT'].includes(String(role)));
  return [
    ...(phones.length > 0 ? ['phone', 'number', 'customersEnd'] : []),
    ...(variables ? ['variablesString'] : []),
    ...(isSaid('results') ? ['result', 'resultsString'] : []),
    ...(isSaid('transcript') ? ['messages', 'messagesAsString'] : []),
    ...(redirect ? ['redirectAdditional', 'redirectAnons', 'redirectDestination', 'redirectDestinationId'] : []),
    ...(isSaid('logLink') ? ['linkToLog'] : []),
    ...(isSaid('ownNumber') ? ['ownEnd'] : []),
    ...['confirmation', 'evaluation', 'nps'].filter((name) => name in Object(results)),
    ...['dialogResult', 'nps', 'callbackData', 'shortNumber', 'regionId', 'timezone', 'botName', 'botId'].filter(
      isSaid,
    ),
    ...['status', 'responder', 'price'].filter(isSaid),
  ];
}
