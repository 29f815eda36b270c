import { isId } from '../../lib/ids.ts';
import type { CallKind, DialStatus, Direction, Identifier } from '../../model/call.ts';
import { isCustomer } from '../../model/customer.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import { openCandidate } from '../campaigns/candidate-door.ts';
import { openMany } from '../campaigns/open-many.ts';
import { findTask, taskContents } from '../campaigns/read-task.ts';
import type { CandidateCorrelation, CandidateDetails } from '../campaigns/sealed-campaign.ts';
import type { Caller, Engine } from '../context.ts';
import type { NewCall, Transcript } from './new-call.ts';
import type { PlatformCorrelation, PlatformDetails } from './platform-call.ts';

/** A call as a platform described it. Null for what it did not say; times in ms since the Unix epoch. */
export type PlatformCall = {
  kind: CallKind;
  direction: Direction;
  dialStatus: DialStatus | null;
  startedAt: number;
  endedAt: number | null;
  durationMs: number | null;
  candidateId: string | null;
  taskId: string | null;
  botId: string | null;
  /** Absent where nobody asks for that. */
  retainUntil?: number;
  details: PlatformDetails;
  correlation: Omit<PlatformCorrelation, 'taskName'>;
  transcript: Transcript | null;
};

/**
 * The call as the engine archives it: with the name of its task, and with what its candidate says of it where the platform
 * did not. Such copies are the call's own from then on.
 *
 * Throws `input_invalid`, naming the field, for a candidate or a task that is unknown, another tenant's or malformed, all
 * alike, and for a task that is not the candidate's; `candidate_erased` and `upload_busy` as `openCandidate` does.
 */
export async function toNewCall(engine: Engine, caller: Caller, said: PlatformCall): Promise<NewCall> {
  const candidate = said.candidateId === null ? undefined : await candidateOf(engine, caller, said.candidateId);
  const taskId = said.taskId ?? candidate?.taskId ?? null;
  if (candidate !== undefined && candidate.taskId !== taskId) {
    throw new AppError('input_invalid', { message: 'taskId is not the task of the candidate' });
  }
  const taskName = taskId === null ? null : await taskNameOf(engine, caller, taskId);
  const details = withDetails(said.details, candidate?.details);
  const correlation = withCorrelation({ ...said.correlation, taskName }, candidate?.correlation);
  const { kind, direction, dialStatus, startedAt, endedAt, durationMs, candidateId, transcript } = said;
  return {
    kind,
    source: 'native',
    direction,
    startedAt,
    endedAt,
    durationMs,
    dialStatus,
    candidateId,
    taskId,
    botId: said.botId ?? candidate?.botId ?? null,
    retainUntil: said.retainUntil ?? null,
    identifiers: identifiersOf(details, correlation),
    isExternalIdInherited: said.correlation.externalId === null && correlation.externalId !== null,
    details,
    correlation,
    transcript,
    audioFormat: null,
  };
}

/** What a call takes from its candidate. The sealed parts are missing where an erasure has just taken them. */
type KnownCandidate = {
  taskId: string;
  botId: string | null;
  details: CandidateDetails | undefined;
  correlation: CandidateCorrelation | undefined;
};

/** Whether the candidate is still there is asked once more by whoever writes the call. */
async function candidateOf(engine: Engine, { tenant }: Caller, candidateId: string): Promise<KnownCandidate> {
  const { reads } = engine.store;
  // No other text gets as far as the database.
  const row = isId(candidateId) ? await openCandidate(reads, tenant.id, candidateId).catch(unlessUnknown) : undefined;
  if (row === undefined || row.status === 'ADDING') throw noSuch('candidateId');
  const details = await openMany<CandidateDetails>(engine, await reads.artifacts.findMany([candidateId], 'details'));
  const correlation = await reads.artifacts.findMany([candidateId], 'correlation');
  const opened = await openMany<CandidateCorrelation>(engine, correlation);
  const { taskId, botId } = row;
  return { taskId, botId, details: details.get(candidateId), correlation: opened.get(candidateId) };
}

async function taskNameOf(engine: Engine, { tenant }: Caller, taskId: string): Promise<string | null> {
  const task = await findTask(engine.store.reads, tenant.id, taskId).catch(unlessUnknown);
  if (task === undefined) throw noSuch('taskId');
  return (await taskContents(engine, [task.id])).get(task.id)?.name ?? null;
}

function unlessUnknown(error: unknown): undefined {
  if (!hasCode(error, 'candidate_not_found') && !hasCode(error, 'task_not_found')) throw error;
}

function noSuch(field: 'candidateId' | 'taskId'): AppError {
  return new AppError('input_invalid', { message: `${field} is not the id of any that there is` });
}

/** A platform that dials the candidate's first number need not say whom it has called. */
function withDetails(said: PlatformDetails, candidate: CandidateDetails | undefined): PlatformDetails {
  const [phone] = candidate?.phones ?? [];
  const isSilent = said.participants.length === 0 && phone !== undefined;
  return {
    ...said,
    participants: isSilent ? [{ role: 'customer', phone, email: null, name: null }] : said.participants,
    variables: said.variables ?? candidate?.variables ?? null,
  };
}

function withCorrelation(said: PlatformCorrelation, candidate: CandidateCorrelation | undefined): PlatformCorrelation {
  return {
    ...said,
    externalId: said.externalId ?? candidate?.clientExternalId ?? null,
    callbackData: said.callbackData ?? candidate?.callbackData ?? null,
  };
}

/** What the call is found by: never its own lines, nor the numbers of those who work for the tenant. */
function identifiersOf({ participants }: PlatformDetails, correlation: PlatformCorrelation): Identifier[] {
  const named: [Identifier['kind'], string | null][] = [
    ['session', correlation.sessionId],
    ['external', correlation.externalId],
  ];
  for (const { phone, email } of participants.filter(({ role }) => isCustomer(role))) {
    named.push(['phone', phone], ['email', email]);
  }
  return named.flatMap(([kind, value]) => (value === null || value === '' ? [] : [{ kind, value }]));
}
