import type { ErasureAction } from '../../src/model/erasure.ts';
import type { Ids } from './agreement.ts';
import { type Content, factsOf, ranges } from './universe.ts';

export type Artifact = 'recording' | 'transcript' | 'details' | 'correlation';

/** A call's row as the model sees it. */
export type ModelCall = {
  no: number;
  tenant: number;
  content: Content;
  /** `doomed`: a purge has met the upload, which goes on until it notices. */
  state: 'uploading' | 'doomed' | 'complete';
  has: Artifact[];
  /** It can be found by session, and by external id where it has one. False until an upload says which call it is. */
  isNamed: boolean;
  /** It can be found by phone. */
  isPersonal: boolean;
  /** No recording may come any more. */
  isMuted: boolean;
  startedAt: number | null;
  /** In which hour the uploader was last heard of; its lease ends with that hour. */
  hour: number;
  /** The lease was ended early. */
  isGivenUp: boolean;
};

/** What stays of a purged call. `month` is when it was found to be gone; null before. */
export type ModelStone = { no: number; tenant: number; content: Content; month: number | null };

export type ModelHold = {
  no: number;
  tenant: number;
  nos: number[];
  phone: number | null;
  range: number;
  isActive: boolean;
};

export type ModelItem = { call: number; state: 'planned' | 'shredded' | 'held' | 'verified' };

/** A started erasure, kept for as long as it has something to do. */
export type ModelErasure = {
  no: number;
  tenant: number;
  action: ErasureAction;
  keepRecording: boolean;
  items: ModelItem[];
};

/** An upload whose client is still there. `twin`: the archived call that its content will be compared with. */
export type ModelUpload = { no: number; tenant: number; content: Content; twin: number | null };

/** A download begun and not read to its end. */
export type ModelDownload = { no: number; tenant: number; call: number; hasPieces: boolean };

/** All there is, in plain lists. A history is explained by worlds that could be; each is JSON. */
export type World = {
  /** How often the clock was set forward by more than any upload's lease, and by more than a tombstone lives. */
  hour: number;
  month: number;
  calls: ModelCall[];
  stones: ModelStone[];
  holds: ModelHold[];
  erasures: ModelErasure[];
  uploads: ModelUpload[];
  downloads: ModelDownload[];
  ids: Ids;
};

export function emptyWorld(): World {
  return {
    hour: 0,
    month: 0,
    calls: [],
    stones: [],
    holds: [],
    erasures: [],
    uploads: [],
    downloads: [],
    ids: {},
  };
}

/** A copy that shares nothing. */
export function copyOf(world: World): World {
  return structuredClone(world);
}

/** The number of an id, as the model counts; undefined for one that it has never heard of. */
export function numberOf(world: World, id: string): number | undefined {
  const found = Object.entries(world.ids).find(([, known]) => known === id);
  return found && Number(found[0]);
}

/** A call's row. */
export function callOf(world: World, no: number | undefined, tenant?: number): ModelCall | undefined {
  return world.calls.find((call) => call.no === no && (tenant === undefined || call.tenant === tenant));
}

export function bySession(world: World, tenant: number, session: string): ModelCall | undefined {
  return world.calls.find((call) => call.tenant === tenant && call.isNamed && call.content.session === session);
}

/** All calls that carry the number, uploads under way included. */
export function byPhone(world: World, tenant: number, phone: number): ModelCall[] {
  return world.calls.filter(
    (call) => call.tenant === tenant && call.isPersonal && factsOf(call.content).phones.includes(phone),
  );
}

export function stoneBySession(world: World, tenant: number, session: string): ModelStone | undefined {
  return world.stones.find((stone) => stone.tenant === tenant && stone.content.session === session);
}

/** What an erasure takes of a call: the table of the design, written down once more. */
export function reachOf(erasure: Pick<ModelErasure, 'action' | 'keepRecording'>): Artifact[] {
  if (erasure.action === 'purge') return ['recording', 'transcript', 'details', 'correlation'];
  if (erasure.action === 'delete-recording') return ['recording'];
  return erasure.keepRecording ? ['transcript', 'details'] : ['recording', 'transcript', 'details'];
}

/** True while a started erasure that takes the artifact has not let go of the call. */
export function isGated(world: World, no: number, artifact: Artifact): boolean {
  return erasuresOf(world, no).some((erasure) => reachOf(erasure).includes(artifact));
}

export function isPurging(world: World, no: number): boolean {
  return erasuresOf(world, no).some((erasure) => erasure.action === 'purge');
}

function erasuresOf(world: World, no: number): ModelErasure[] {
  const reaches = (item: ModelItem) => item.call === no && (item.state === 'planned' || item.state === 'shredded');
  return world.erasures.filter((erasure) => erasure.items.some(reaches));
}

/** True when an active hold covers the call. A call of unknown start counts from its upload, which is later than any range. */
export function isHeld(world: World, tenant: number, no: number): boolean {
  const call = callOf(world, no, tenant);
  if (call === undefined) return false;
  const at = call.startedAt ?? Number.POSITIVE_INFINITY;
  return world.holds.some((hold) => {
    if (hold.tenant !== tenant || !hold.isActive) return false;
    const isNamed = hold.nos.includes(no);
    const isFound = hold.phone !== null && call.isPersonal && factsOf(call.content).phones.includes(hold.phone);
    const { from, to } = ranges[hold.range] ?? ranges[0];
    return (isNamed || isFound) && at >= (from ?? 0) && at <= (to ?? Number.POSITIVE_INFINITY);
  });
}

/** True when the uploader has been silent for longer than its lease. */
export function isOver(world: World, call: ModelCall): boolean {
  return call.isGivenUp || world.hour > call.hour;
}

export function removeCall(world: World, no: number): void {
  world.calls = world.calls.filter((call) => call.no !== no);
}

/** Ends an upload's row, and what its client held. */
export function forgetUpload(world: World, handle: number): void {
  world.uploads = world.uploads.filter((upload) => upload.no !== handle);
}
