import { openJson } from '../../src/engine/artifacts.ts';
import { sessionStandings } from '../../src/engine/calls/call-status.ts';
import { openRecording } from '../../src/engine/calls/read-recording.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { resolveCustomer } from '../../src/engine/erasure/resolve.ts';
import type { Call, Artifact as Row } from '../../src/model/call.ts';
import type { Json, Predicted } from './agreement.ts';
import { factsOf, nameOf, phones, sessions, tenantSlugs, whoseAudio } from './universe.ts';
import { byPhone, bySession, type ModelCall, type ModelStone, stoneBySession, type World } from './world.ts';

/** More rows than a history has. */
const all = 10_000;

/** Everything that can be seen of an archive at rest, every sealing opened: what `predictedLook` is compared with. */
export async function lookAt(engine: Engine, callers: readonly Caller[]): Promise<Json> {
  const { reads } = engine.store;
  const tenants: Json[] = [];
  for (const caller of callers) tenants.push(await lookAtTenant(engine, caller));
  const calls: Json[] = [];
  for (const call of await reads.calls.page('', all)) calls.push(await lookAtCall(engine, callers, call));
  const stones: Json[] = [];
  for (const { callId, goneAt } of await reads.tombstones.page('', all)) {
    const kinds = (await reads.tombstones.tokensOf([callId])).map((token) => token.kind);
    stones.push({ id: callId, isGone: goneAt !== null, tokens: kinds.sort() });
  }
  const unfinished = (await reads.jobs.list({ unfinishedOnly: true, limit: all })).length;
  return { tenants, calls, stones, unfinished };
}

async function lookAtTenant(engine: Engine, caller: Caller): Promise<Json> {
  const standings = (await sessionStandings(engine, caller, sessions)).map((standing): Json => {
    if (standing.kind === 'call') return { standing: standing.call.status, id: standing.call.id };
    const id = 'tombstone' in standing ? standing.tombstone.callId : null;
    return { standing: standing.kind, id };
  });
  const found: Json[] = [];
  for (const [written] of phones)
    found.push(await resolveCustomer(engine, engine.store.reads, caller, [{ kind: 'phone', value: written }]));
  const holds = (await engine.store.reads.holds.active(caller.tenant.id)).map((hold) => hold.id);
  return { standings, found, holds };
}

async function lookAtCall(engine: Engine, callers: readonly Caller[], call: Call): Promise<Json> {
  const { reads } = engine.store;
  const caller = callers.find((one) => one.tenant.id === call.tenantId);
  const has: Record<string, Json> = {};
  for (const row of await reads.artifacts.ofOwner(call.id)) {
    has[row.kind] = caller && row.sealed !== null ? await contentOf(engine, caller, row) : 'not sealed';
  }
  const tokens = [...new Set((await reads.tokens.ofOwner(call.id)).map((token) => token.kind))].sort();
  const state = call.isUploadDoomed ? 'doomed' : call.status;
  return { id: call.id, tenant: caller?.tenant.slug ?? 'nobody', state, has, tokens };
}

/** Which content an artifact of an archived call holds. */
async function contentOf(engine: Engine, caller: Caller, row: Row): Promise<Json> {
  if (row.kind !== 'recording') return (await openJson<{ content: string }>(engine, row)).content;
  const opened = await openRecording(engine, caller, row.ownerId);
  const plain: Buffer[] = [];
  try {
    for await (const chunk of opened.body(0, opened.sizeBytes)) plain.push(chunk);
  } finally {
    await opened.close();
  }
  return whoseAudio(Buffer.concat(plain));
}

/** What a look must show in a world. */
export function predictedLook(world: World): Predicted {
  return {
    tenants: tenantSlugs.map((_, tenant) => predictedTenant(world, tenant)),
    calls: { $set: world.calls.map(predictedCall) },
    stones: { $set: world.stones.map(predictedStone) },
    unfinished: world.erasures.length,
  };
}

function predictedTenant(world: World, tenant: number): Predicted {
  const holds = world.holds.filter((hold) => hold.tenant === tenant && hold.isActive);
  return {
    standings: sessions.map((session) => {
      const call = bySession(world, tenant, session);
      if (call) return { standing: call.state, id: { $ref: call.no } };
      const stone = stoneBySession(world, tenant, session);
      if (stone === undefined) return { standing: 'unknown', id: null };
      return { standing: stone.month === null ? 'erasing' : 'gone', id: { $ref: stone.no } };
    }),
    found: phones.map((_, phone) => ({ $set: byPhone(world, tenant, phone).map((call) => ({ $ref: call.no })) })),
    holds: { $set: holds.map((hold) => ({ $ref: hold.no })) },
  };
}

function predictedCall(call: ModelCall): Predicted {
  const { external } = factsOf(call.content);
  const content = call.state === 'complete' ? nameOf(call.content) : 'not sealed';
  const tokens = [
    ...(call.isNamed && external !== null ? ['external'] : []),
    ...(call.isPersonal ? ['phone'] : []),
    ...(call.isNamed ? ['session'] : []),
  ];
  return {
    id: { $ref: call.no },
    tenant: tenantSlugs[call.tenant] ?? '',
    state: call.state,
    has: Object.fromEntries(call.has.map((kind) => [kind, content])),
    tokens,
  };
}

function predictedStone({ no, content, month }: ModelStone): Predicted {
  const { external } = factsOf(content);
  const tokens = external === null ? ['session'] : ['external', 'session'];
  return { id: { $ref: no }, isGone: month !== null, tokens };
}
