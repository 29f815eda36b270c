import { newId } from '../../lib/ids.ts';
import type { Artifact } from '../../model/call.ts';
import type { Task } from '../../model/campaign.ts';
import { hasCode } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import { sealJson } from '../artifacts.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import type { TaskContent } from './sealed-campaign.ts';
import { tooSlow } from './sweep-unfinished.ts';

/** A task to make, as a surface understood it. */
export type NewTask = TaskContent & {
  /** A UUID of the platform's. */
  botId: string | null;
};

/** Which task single calls share: one of each bot and template on each day, in days since the Unix epoch in UTC. */
export type DayOfBot = { botId: string; templateId: string | null; day: number };

/**
 * Makes a task without candidates and returns its id. It is there, for everybody, when its settings are sealed. Throws
 * `upload_busy` where that took so long that it was swept.
 */
export async function createTask(engine: Engine, caller: Caller, given: NewTask): Promise<string> {
  requireScope(caller, 'calls:write');
  const { name, settings, botId } = given;
  const named = await nameTask(engine, caller, async () => undefined, { botId, templateId: null, day: null });
  await sealTask(engine, caller, named, { name, settings });
  return named.id;
}

/**
 * The id of the task that the single calls of a bot share on a day: made where there is none yet, finished where whoever
 * began it has not come to its settings. Requests that come at once get the same one. Throws as `createTask` does.
 */
export async function taskOfDay(engine: Engine, caller: Caller, of: DayOfBot, content: TaskContent): Promise<string> {
  requireScope(caller, 'calls:write');
  const { id: tenantId } = caller.tenant;
  const find = async (on: Pick<StoreReads, 'tasks'>) => await on.tasks.findOfDay(tenantId, of);
  const findAlone = async (tx: StoreTx) => {
    const digest = `${of.botId} ${of.templateId} ${of.day}`;
    await tx.locks.take([{ tenantId, what: 'day-task', digest }], 'alone');
    return await find(tx);
  };
  const task = (await find(engine.store.reads)) ?? (await nameTask(engine, caller, findAlone, of));
  if (task.status === 'ADDING') await sealTask(engine, caller, task, content);
  return task.id;
}

/** The commit that names the slot; nothing is sealed before it. Makes nothing where `find` finds a task in it. */
async function nameTask(
  engine: Engine,
  { tenant }: Caller,
  find: (tx: StoreTx) => Promise<Task | undefined>,
  of: Pick<Task, 'botId' | 'templateId' | 'day'>,
): Promise<Task> {
  const named = await engine.issuer.withSlots(1, async ([slot = 0]) => {
    return await engine.store.write(async (tx) => {
      const found = await find(tx);
      if (found !== undefined) return found;
      const now = engine.clock.now();
      const times = { createdAt: now, updatedAt: now };
      const task: Task = { id: newId(now), tenantId: tenant.id, status: 'ADDING', ...of, ...times };
      await tx.tasks.insert(task);
      await tx.artifacts.insert([rowOf(task, slot)]);
      await engine.issuer.confirm(tx.keys, [slot]);
      return task;
    });
  });
  await engine.faults.at('task:named');
  return named;
}

/** The commit from which on the task is there. Where somebody else has come to it first, theirs stands; or it was swept. */
async function sealTask(engine: Engine, caller: Caller, task: Task, content: TaskContent): Promise<void> {
  const artifact = await engine.store.reads.artifacts.find(task.id, 'task');
  if (artifact === undefined) throw tooSlow();
  const sealed = await sealJson(engine, artifact, content).catch((error: unknown) => {
    throw hasCode(error, 'key_destroyed') ? tooSlow() : error;
  });
  await engine.store.write(async (tx) => {
    const row = await tx.tasks.find(task.tenantId, task.id);
    if (row === undefined) throw tooSlow();
    if (row.status !== 'ADDING') return;
    await tx.artifacts.setSealed(artifact.slot, { sealed });
    await tx.tasks.update(task.id, { status: 'BLANK' });
    await tx.audit.append(auditEntry(engine, caller, 'task.created', task.id));
  });
}

function rowOf(task: Task, slot: number): Artifact {
  return { slot, tenantId: task.tenantId, ownerId: task.id, kind: 'task', sealed: null, blob: null, blobBytes: null };
}
