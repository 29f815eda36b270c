import { openBytes } from '../../keys/sealing.ts';
import { blocksOf, decryptTokens, tokenBytes } from '../../keys/token-cipher.ts';
import { type Artifact, type Call, type Identifier, isArchived } from '../../model/call.ts';
import type { Candidate } from '../../model/campaign.ts';
import { personalIdentifierKinds } from '../../model/erasure.ts';
import { hasCode } from '../../model/errors.ts';
import type { Tenant } from '../../model/tenant.ts';
import type { IdentifierKind, StoredToken } from '../../model/token-store.ts';
import { coresOf } from '../identifiers.ts';
import { contextOf } from '../secrets.ts';
import { byTenant, type Look, paged } from './look.ts';
import { namedIdentifiers, namedOfCandidate, possibleIdentifiers } from './named-identifiers.ts';
import type { EpochKeys } from './slots.ts';

/** Calls, or candidates, whose details are opened in one go. */
const batch = 100;

/** What is there and cannot be opened now: damaged, told by other checks, or erased since. */
const unopened = Symbol('unopened');

/**
 * An archived call, or a candidate, is found by every identifier that its details and correlation name, and by no other: its
 * tokens are made anew from what is sealed and compared with those stored. What an erasure has taken is asked for no more.
 *
 * Rows are of the one instant, keys of now: what was erased since is left out.
 *
 * @param epochKeys keys of the epochs that were living at that instant.
 */
export async function checkFoundBy(look: Look, epochKeys: EpochKeys): Promise<void> {
  const readCalls = async (afterId: string) => await look.reads.calls.page(afterId, batch);
  for await (const page of paged('', readCalls, (last: Call) => last.id)) {
    await checkOwners(look, epochKeys, page.filter(isArchived), namedIdentifiers);
  }
  const readCandidates = async (afterId: string) => await look.reads.candidates.page(afterId, batch);
  for await (const page of paged('', readCandidates, (last: Candidate) => last.id)) {
    await checkOwners(look, epochKeys, page, namedOfCandidate);
  }
}

/** What correlation and details name an owner by; details are undefined where an erasure has taken them. */
type NamedBy = (correlation: unknown, details: unknown) => Identifier[];

async function checkOwners(
  look: Look,
  epochKeys: EpochKeys,
  owners: readonly (Call | Candidate)[],
  namedBy: NamedBy,
): Promise<void> {
  for (const [tenantId, mine] of byTenant(owners)) {
    const tenant = look.tenants.find((one) => one.id === tenantId);
    if (tenant === undefined || !(await hasIndexKey(look, tenant))) continue;
    await checkOfTenant({ look, tenant, epochKeys, namedBy }, mine);
  }
}

/** Without it no token can be made, which other checks tell. */
async function hasIndexKey(look: Look, tenant: Tenant): Promise<boolean> {
  try {
    await coresOf(look.engine, tenant, []);
    return true;
  } catch (error) {
    if (hasCode(error, 'damage') || hasCode(error, 'key_destroyed')) return false;
    throw error;
  }
}

type Of = { look: Look; tenant: Tenant; epochKeys: EpochKeys; namedBy: NamedBy };

async function checkOfTenant(of: Of, owners: readonly (Call | Candidate)[]): Promise<void> {
  const ids = owners.map((owner) => owner.id);
  const correlations = await openedOf(of, ids, 'correlation');
  const details = await openedOf(of, ids, 'details');
  for (const owner of owners) {
    const correlation = correlations.get(owner.id);
    if (correlation === undefined || correlation === unopened || details.get(owner.id) === unopened) continue;
    await checkOwner(of, owner, [correlation, details.get(owner.id)]);
  }
}

async function checkOwner(
  of: Of,
  { id: ownerId, depersonalizedAt }: Call | Candidate,
  [correlation, details]: readonly [unknown, unknown],
): Promise<void> {
  const stored = await coresOfTokens(of, ownerId);
  const named = await coreNames(of, of.namedBy(correlation, details));
  of.look.findings.count('identifiers', named.size);
  const missing = [...named].filter(([core]) => !stored.has(core)).map(([, kind]) => kind);
  for (const kind of missing) of.look.findings.problem('token_missing', `${kind} token of ${ownerId}`);
  // Of details that were lost nobody can tell what they named, and those that a platform has sent since do not say it.
  const isLost = depersonalizedAt === null && !saysWho(details);
  const isTold = (kind: IdentifierKind) => !isLost || !personalIdentifierKinds.includes(kind);
  const left = [...stored].filter(([core, kind]) => !named.has(core) && isTold(kind));
  for (const kind of new Set(left.map(([, of]) => of))) {
    const possible = await coreNames(of, possibleIdentifiers(kind, [correlation, details]));
    const unexplained = left.filter(([core, its]) => its === kind && !possible.has(core));
    for (const _ of unexplained) of.look.findings.problem('token_unexplained', `${kind} token of ${ownerId}`);
  }
}

/** What is archived lists who took part, if nobody; of a candidate its numbers. What comes later never does. */
function saysWho(details: unknown): boolean {
  const lists = ['participants', 'contacts', 'phones'];
  return typeof details === 'object' && details !== null && lists.some((name) => Object.hasOwn(details, name));
}

/** Cores as text that names the kind too, each with its kind. */
type CoreNames = Map<string, IdentifierKind>;

async function coreNames({ look, tenant }: Of, identifiers: readonly Identifier[]): Promise<CoreNames> {
  const cores = await coresOf(look.engine, tenant, identifiers);
  return new Map(cores.map(({ kind, core }) => [nameOf(kind, core), kind]));
}

/** Of the owner's tokens under living epochs; those under others lead nowhere, which another check tells. */
async function coresOfTokens({ look, tenant, epochKeys }: Of, ownerId: string): Promise<CoreNames> {
  const names: CoreNames = new Map();
  const all = await look.reads.tokens.ofOwner(ownerId);
  const mine = all.filter(({ tenantId, token }) => tenantId === tenant.id && token.length === tokenBytes);
  for (const epoch of look.epochs.get(tenant.id) ?? []) {
    const key = epochKeys.get(epoch.slot);
    const tokens = mine.filter((token) => token.epoch === epoch.number);
    if (key === undefined || tokens.length === 0) continue;
    for (const [i, core] of coresUnder(key, tokens).entries()) {
      const kind = tokens[i]?.kind;
      if (kind !== undefined) names.set(nameOf(kind, core), kind);
    }
  }
  return names;
}

function coresUnder(key: Uint8Array, tokens: readonly StoredToken[]): Buffer[] {
  return blocksOf(decryptTokens(key, Buffer.concat(tokens.map((one) => one.token))));
}

function nameOf(kind: IdentifierKind, core: Buffer): string {
  return `${kind} ${core.toString('hex')}`;
}

/** What is sealed, by owner. Of several, where one is about to take the place of another, it is the one that is there. */
async function openedOf(
  { look, tenant }: Of,
  ids: readonly string[],
  kind: 'correlation' | 'details',
): Promise<Map<string, unknown>> {
  const artifacts = await look.reads.artifacts.findMany(ids, kind);
  const mine = artifacts.filter((artifact) => artifact.tenantId === tenant.id).toSorted(sealedLast);
  const keys = await keysOf(look, mine);
  const opened = new Map<string, unknown>();
  for (const artifact of mine) {
    const key = keys.get(artifact.slot);
    opened.set(artifact.ownerId, key === undefined ? unopened : contentOf(artifact, key));
    key?.fill(0);
  }
  return opened;
}

/** So that what is sealed has the last word. */
export function sealedLast(a: Artifact, b: Artifact): number {
  return Number(a.sealed !== null) - Number(b.sealed !== null);
}

/** Keys that are live now. A damaged page has been told by the walk through the tree. */
async function keysOf(look: Look, artifacts: readonly Artifact[]): Promise<Map<number, Buffer>> {
  try {
    return await look.engine.tree.keysOf(artifacts.map((artifact) => artifact.slot));
  } catch (error) {
    if (hasCode(error, 'damage')) return new Map();
    throw error;
  }
}

function contentOf(artifact: Artifact, key: Buffer): unknown {
  if (artifact.sealed === null) return unopened;
  try {
    const plain = openBytes(key, contextOf(artifact), artifact.sealed);
    const value: unknown = JSON.parse(plain.toString('utf8'));
    plain.fill(0);
    return value;
  } catch (error) {
    if (hasCode(error, 'damage')) return unopened;
    throw error;
  }
}
