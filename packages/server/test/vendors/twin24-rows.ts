/** Which of the vendor's services an operation is one of: each has a host of its own, and a path behind the gateway. */
export type Service = 'iam' | 'cis' | 'analyse';

/**
 * Every operation of the vendor's API that is built here: the section of its description in which it stands, the service
 * that it is one of, and its path there. `{...}` is an id in the path. Those of section 8 are additions of ours, where the
 * vendor has published none.
 */
export type TwinRow = { section: string; method: 'GET' | 'POST' | 'DELETE'; service: Service; path: string };

const table = `
  2.1  POST    cis      /calls/{callId}/depersonalization
  2.1  POST    cis      /telephony/autoCallCandidate/{autoCallCandidateId}/depersonalization
  2.1  DELETE  cis      /calls/{callId}/record

  2.2  POST    iam      /auth/login
  2.2  POST    iam      /auth/refresh
  2.2  GET     iam      /auth/refresh
  2.2  GET     iam      /users/me
  2.2  GET     iam      /users/{id}
  2.2  GET     iam      /users

  2.3  POST    cis      /telephony/autoCall
  2.3  GET     cis      /telephony/autoCall
  2.3  GET     cis      /telephony/autoCall/{id}
  2.3  POST    cis      /telephony/autoCall/{id}/play
  2.3  POST    cis      /telephony/autoCall/{id}/pause
  2.3  POST    cis      /telephony/autoCall/{id}/halted
  2.3  GET     cis      /telephony/providers

  2.4  POST    cis      /telephony/autoCallCandidate/batch
  2.4  POST    cis      /telephony/autoCallCandidate
  2.4  POST    cis      /telephony/autoCallCandidate/single
  2.4  POST    cis      /telephony/autoCallCandidate/single/batch
  2.4  POST    cis      /telephony/autoCallCandidate/cancel

  2.5  GET     analyse  /search/cis/calls
  2.5  GET     analyse  /search/cis/sessions

  8    GET     cis      /telephony/autoCallCandidate
  8    GET     cis      /telephony/autoCallCandidate/{autoCallCandidateId}
  8    GET     cis      /records/{link}
`;

/** Operations that the vendor documents, or clients use, and that are not there: what a client is told has the vendor's form. */
const absentTable = `
  2.2  POST    iam      /files
  2.2  GET     iam      /files/{fileId}
  2.2  POST    iam      /auth/impersonate/take/{userId}
  2.3  POST    cis      /telephony/autoCall/import
  2.3  GET     cis      /botsSettings/{botId}
  2.3  POST    cis      /botsSettings
  2.5  POST    cis      /calls
  2.5  GET     cis      /calls/{callId}
`;

export const rows: readonly TwinRow[] = rowsIn(table);
export const absentRows: readonly TwinRow[] = rowsIn(absentTable);

/** The items of the description's section 7, "easy to get wrong", of which each is pinned. */
export const itemsMax = 20;

/** How exchanges name a row in `covers`: behind the gateway. */
export function nameOf({ section, method, service, path }: TwinRow): string {
  return `${section} ${method} /${service}/api/v1${path}`;
}

/** Its paths: behind the gateway, and on the host of its own service. */
export function pathsOf({ service, path }: TwinRow): [gateway: string, ownHost: string] {
  return [`/${service}/api/v1${path}`, `/api/v1${path}`];
}

/** The row that a request line is to, in either form of its path. Of rows that all fit, the one with most plain steps. */
export function rowOf(line: string): TwinRow | undefined {
  const [method, target = ''] = line.split(' ');
  const fitting = [...rows, ...absentRows].filter((row) => row.method === method && formOf(row).test(target));
  const plainSteps = ({ path }: TwinRow) => path.split('/').filter((step) => !step.startsWith('{')).length;
  return fitting.toSorted((a, b) => plainSteps(b) - plainSteps(a))[0];
}

function rowsIn(text: string): TwinRow[] {
  const found = text.matchAll(/^ {2}(\S+) +(GET|POST|DELETE) +(iam|cis|analyse) +(\/\S+)$/gm);
  // The pattern takes no other words than those of the types.
  return [...found].map(([, section, method, service, path]) => ({ section, method, service, path }) as TwinRow);
}

function formOf({ service, path }: TwinRow): RegExp {
  const steps = path.split('/').slice(1);
  const form = steps.map((step) => (step.startsWith('{') ? '[^/?]+' : step)).join('/');
  return new RegExp(`^(/${service})?/api/v1/${form}/?(\\?.*)?$`);
}
