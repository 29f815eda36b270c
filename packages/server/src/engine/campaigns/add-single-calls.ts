import { type Caller, type Engine, requireScope } from '../context.ts';
import { addCandidates } from './add-candidates.ts';
import { type DayOfBot, taskOfDay } from './create-task.ts';
import type { NewCandidate } from './name-candidates.ts';

/** A person to be called by a bot, without a task that the client has made. */
export type SingleCall = Pick<NewCandidate, 'details' | 'correlation'> & Pick<DayOfBot, 'botId' | 'templateId'>;

const dayMs = 86_400_000;

/**
 * Puts people on the tasks that single calls of their bots and templates share today, in UTC, and starts these. All of them
 * or none, repeats told as `addCandidates` tells them. Returns the ids of candidate and task, in the order given.
 */
export async function addSingleCalls(
  engine: Engine,
  caller: Caller,
  calls: readonly SingleCall[],
): Promise<{ id: string; taskId: string }[]> {
  requireScope(caller, 'calls:write');
  const now = engine.clock.now();
  const day = Math.floor(now / dayMs);
  const tasks = new Map<string, string>();
  const candidates: NewCandidate[] = [];
  for (const { botId, templateId, details, correlation } of calls) {
    const key = `${botId} ${templateId}`;
    const taskId =
      tasks.get(key) ?? (await taskOfDay(engine, caller, { botId, templateId, day }, contentOf(now, botId)));
    tasks.set(key, taskId);
    candidates.push({ taskId, botId, details, correlation });
  }
  const ids = await addCandidates(engine, caller, candidates, { start: true });
  return candidates.map(({ taskId }, place) => ({ id: ids[place] ?? '', taskId }));
}

function contentOf(now: number, botId: string) {
  const date = new Date(now).toISOString().slice(0, 10);
  return { name: `Single calls ${date}`, settings: { defaultExec: 'robot', defaultExecData: botId } };
}
