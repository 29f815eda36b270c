import type { Recording } from './recording.ts';

/**
 * Every operation of the vendor's API that is built here: the section of its description in which it stands, and how it
 * is written there. `{...}` is an id in the path.
 */
export type Row = { section: string; method: 'GET' | 'POST'; path: string };

const table = `
  2.1  POST  /Token

  2.2  POST  /purge/v1/calls
  2.2  POST  /purge/v1/calls/sessions
  2.2  POST  /purge/v1/calls/customer
  2.2  POST  /interactions/v2/purge
  2.2  POST  /interactions/v2/purge/sessions
  2.2  POST  /interactions/v2/purge/customer

  2.3  POST  /callCapture/v1/archive
  2.3  POST  /callCapture/v1/status
  2.3  GET   /callCapture/v1/status/{sessionId}
  2.3  POST  /callCapture/v1/status/exclude
  2.3  POST  /callCapture/v1/monitor
  2.3  GET   /sources/v1/recordingSettings
  2.3  POST  /chatCapture/v1
  2.3  POST  /caseCapture/v1

  2.4  POST  /callEvent/v1/outofband/event
  2.4  POST  /callEvent/v1/outofband/mastercall
  2.4  POST  /callEvent/v1/outofband/case
  2.4  POST  /callShare/v1/token

  2.5  POST  /capture/v2/call
  2.5  POST  /capture/v2/chat
  2.5  POST  /capture/v2/case
  2.5  GET   /capture/v2/status/{sessionId}
  2.5  POST  /capture/v2/status
  2.5  POST  /capture/v2/status/exclude/{sessionId}
  2.5  POST  /capture/v2/status/exclude
  2.5  POST  /capture/v2/status/monitor
  2.5  POST  /capture/v2/outofband/interaction
  2.5  POST  /capture/v2/outofband/master
  2.5  POST  /capture/v2/outofband/case
  2.5  POST  /capture/v2/outofband/collection
  2.5  GET   /interactions/v2/{id}
  2.5  GET   /interactions/v2/{id}/audio.mp3
  2.5  POST  /Interactions/v2/token
  2.5  GET   /processing/v2/categories
  2.5  GET   /processing/v2/customFields
  2.5  GET   /processing/v2/ParticipantRefTypes
`;

export const rows: readonly Row[] = [...table.matchAll(/^ {2}(\d\.\d) {2}(GET|POST) +(\/\S+)$/gm)].map(
  ([, section = '', method, path = '']) => ({ section, method: method === 'GET' ? 'GET' : 'POST', path }),
);

/** The items of the description's section 4, "easy to get wrong", of which each is pinned. */
export const itemsMax = 34;

/** How exchanges name a row in `covers`. */
export function nameOf({ section, method, path }: Row): string {
  return `${section} ${method} ${path}`;
}

/**
 * The row that a request line is to, as clients may write it: in any case, with slashes doubled. Of rows that all fit, the
 * one with most of the path in plain words.
 */
export function rowOf(line: string): Row | undefined {
  const [method, target = ''] = line.split(' ');
  const fitting = rows.filter((row) => row.method === method && formOf(row).test(target));
  const plainSteps = ({ path }: Row) => path.split('/').filter((step) => !step.startsWith('{')).length;
  return fitting.toSorted((a, b) => plainSteps(b) - plainSteps(a))[0];
}

function formOf({ path }: Row): RegExp {
  const steps = path.split('/').slice(1);
  // An id at the end of a path is all that follows.
  const forms = steps.map((step, at) => {
    if (!step.startsWith('{')) return step.replace('.', '\\.');
    return at === steps.length - 1 ? '.+' : '[^/]+';
  });
  return new RegExp(`^/+${forms.join('/+')}${path.endsWith('}') ? '' : '/?(\\?.*)?'}$`, 'i');
}

/** A good request to a row: of the recordings that are about it before all else, the plainest that is answered 200. */
export function exampleOf(row: Row, recordings: readonly Recording[]): Recording {
  const name = nameOf(row);
  const found = recordings.filter(({ exchange }) => exchange.covers[0] === name && exchange.response.status === 200);
  // Names say what is special about a recording.
  const [plainest] = found.toSorted((a, b) => a.name.length - b.name.length);
  if (plainest === undefined) throw new Error(`no recording shows ${name} answered 200`);
  return plainest;
}
