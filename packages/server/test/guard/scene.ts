/** An archive with two clients, whose guard asks for approval above two calls. */
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { newId } from '../../src/lib/ids.ts';
import { type Call, noCampaign, untouched } from '../../src/model/call.ts';
import type { AuditEntry } from '../../src/model/tenant.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlanClient } from '../support/plan-client.ts';

export type GuardScene = {
  app: TestApp;
  token: string;
  client: PlanClient;
  second: PlanClient;
  /** Another client, whose token is as young as the clock. */
  fresh(): Promise<PlanClient>;
  /** Sets the clock forward. */
  lapse(ms: number): void;
  /** Rows of the tenant's audit, oldest first; only those of one event. */
  audit(event: string): Promise<AuditEntry[]>;
  isThere(callId: string): Promise<boolean>;
  /** Waits until all is done, expects nothing wrong, and closes. Returns what `fsck` found. */
  end(): Promise<readonly unknown[]>;
};

export async function startGuardScene(env: Record<string, string> = { TACET_GUARD_CALLS: '2' }): Promise<GuardScene> {
  let lapsedMs = 0;
  const clock = { now: () => Date.now() + lapsedMs };
  const app = await startApp({ env: { TACET_BACKUP_HORIZON: '0', ...env }, clock });
  const token = await app.token();
  const { reads } = app.engine.store;
  return {
    app,
    token,
    client: new PlanClient(app, token),
    second: new PlanClient(app, await app.token()),
    fresh: async () => new PlanClient(app, await app.token()),
    lapse(ms) {
      lapsedMs += ms;
    },
    async audit(event) {
      return (await reads.audit.page('', 10_000)).filter((row) => row.event === event);
    },
    async isThere(callId) {
      return (await reads.calls.find(app.tenant.id, callId)) !== undefined;
    },
    async end() {
      await untilQuiet(app.engine);
      const { problems } = await fsck(app.engine);
      await app.close();
      return problems;
    },
  };
}

/** So many rows of archived calls of a tenant, without anything sealed. Returns their ids. */
export async function addRows(app: TestApp, count: number): Promise<string[]> {
  const now = app.engine.clock.now();
  const ids: string[] = [];
  for (let from = 0; from < count; from += 500) {
    await app.engine.store.write(async (tx) => {
      for (let i = from; i < Math.min(count, from + 500); i += 1) {
        const row = rowOf(app, now);
        await tx.calls.insert(row);
        ids.push(row.id);
      }
    });
  }
  return ids;
}

function rowOf(app: TestApp, now: number): Call {
  return {
    id: newId(now),
    tenantId: app.tenant.id,
    kind: 'call',
    source: 'native',
    direction: 'inbound',
    status: 'complete',
    startedAt: now,
    endedAt: null,
    durationMs: null,
    ...noCampaign,
    ...untouched,
    createdAt: now,
    uploadUntil: null,
    isUploadDoomed: false,
  };
}
