import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scope } from '../../src/model/tenant.ts';

/** A request as it stands on the wire. A vendor's README says what each key of a recording means. */
export type RecordedRequest = {
  line: string;
  headers: string[];
  json?: unknown;
  body?: string;
  chunkBytes?: number;
};

export type RecordedResponse = {
  status: number;
  interim?: number[];
  headers: Record<string, string | null>;
  json?: unknown;
  body?: string;
};

/** One request and its answer. */
export type Step = {
  request: RecordedRequest;
  response: RecordedResponse;
  sameConnection?: boolean;
  eventually?: boolean;
};

export type GivenCall = {
  sessionId: string;
  kind?: 'call' | 'chat' | 'case';
  phoneNumber?: string;
  email?: string;
  masterId?: string;
  caseReferenceId?: string;
  collectionId?: string;
  format?: string;
  audio?: string;
};

export type GivenEvent = { sessionId: string; eventTime: string; metadata: Record<string, unknown> };

/** A campaign of Twin24's, known by its name. */
export type GivenTask = { name: string; settings?: Record<string, unknown> };

/** A person on a campaign, known by the client's own id. */
export type GivenCandidate = { clientExternalId: string; task: string; phone?: string[] };

/** A call as the platform that dials reports it, known by its external id. */
export type GivenReport = {
  externalId: string;
  candidate?: string;
  recording?: string;
  said?: Record<string, unknown>;
};

/** What is in the archive before the first request, made in this order. */
export type Given = {
  client?: { clientId: string; clientSecret: string };
  calls?: GivenCall[];
  events?: GivenEvent[];
  tasks?: GivenTask[];
  candidates?: GivenCandidate[];
  reports?: GivenReport[];
  excluded?: string[];
  held?: string[];
  purged?: string[];
  uploading?: GivenCall[];
};

export type Exchange = Step & {
  about: string;
  source: 'document' | 'client' | 'ours';
  covers: string[];
  listener?: 'main' | 'lenient';
  scopes?: Scope[];
  given?: Given;
  after?: Step[];
};

/** An exchange and the file that it stands in. */
export type Recording = { name: string; exchange: Exchange };

/** Every recorded exchange of a vendor, in the order of their names. */
export function readRecordings(vendor: string): Recording[] {
  const folder = join(import.meta.dirname, vendor);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => {
    // The coverage test checks the keys of every file; what is wrong within them fails the replay.
    const exchange = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Exchange;
    return { name: name.replaceAll('\\', '/'), exchange };
  });
}

/** The first request and what follows it, in order. */
export function stepsOf(exchange: Exchange): Step[] {
  return [exchange, ...(exchange.after ?? [])];
}
