import { createUser } from '../../src/engine/access/users.ts';
import type { NewCall } from '../../src/engine/archive/new-call.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import type { NewCandidate } from '../../src/engine/campaigns/name-candidates.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { spokenOnce } from '../support/spoken.ts';

/** A campaign that was lived through, and who may log in; every id is known. */
export type CampaignStory = {
  task: string;
  /** With two numbers and an id of the client's; left alone, as is its call. */
  candidate: string;
  candidateCall: string;
  /** Depersonalized, with its call, whose recording was kept. */
  erasedCandidate: string;
  erasedCandidateCall: string;
  user: string;
};

export const userEmail = 'someone@example.org';

/** A task with two people on it and a call to each, one of whom is depersonalized; and a user. */
export async function liveACampaign(engine: Engine, caller: Caller): Promise<CampaignStory> {
  const task = await createTask(engine, caller, { name: 'spring', settings: { cps: '0.97' }, botId: null });
  const given = [
    newCandidate(task, 'c-left', ['512 555 0301', '512 555 0302']),
    newCandidate(task, 'c-erased', ['512 555 0303']),
  ];
  const [candidate = '', erasedCandidate = ''] = await addCandidates(engine, caller, given, { start: true });
  const candidateCall = await callCandidate(engine, caller, { task, candidate, phone: '512 555 0301' });
  const erased = { task, candidate: erasedCandidate, phone: '512 555 0303' };
  const erasedCandidateCall = await callCandidate(engine, caller, erased);
  await depersonalizeCandidate(engine, caller, erasedCandidate, { keepRecording: true, waitMs: 10_000 });
  await untilQuiet(engine);
  const { tenant, actor } = caller;
  const { user } = await createUser(engine, tenant, { email: userEmail, scopes: ['calls:read'], actor });
  return { task, candidate, candidateCall, erasedCandidate, erasedCandidateCall, user: user.id };
}

export function newCandidate(taskId: string, clientExternalId: string, phones: string[]): NewCandidate {
  const correlation = { callbackData: { row: 7 }, clientExternalId, timezone: 10_800 };
  return {
    taskId,
    botId: null,
    details: { phones, variables: { name: 'Jo' } },
    correlation: { ...correlation, checkPhone: null, autoCallTemplateId: null },
  };
}

type Called = { task: string; candidate: string; phone: string };

/** Archives a native call of a candidate, with a recording and a transcript. */
export async function callCandidate(engine: Engine, caller: Caller, of: Called): Promise<string> {
  const upload = new Upload(engine, caller);
  await upload.describe(candidateCall(of));
  await upload.storeRecording(spoken(), { contentType: 'audio/mpeg' });
  return (await upload.finish()).callId;
}

/** The same without a recording, which may come later, and without a transcript. */
export async function callSilently(engine: Engine, caller: Caller, of: Called): Promise<string> {
  const upload = new Upload(engine, caller);
  await upload.describe({ ...candidateCall(of), transcript: null }, { hasRecording: false });
  return (await upload.finish()).callId;
}

function candidateCall({ task, candidate, phone }: Called): NewCall {
  const participants = [
    { role: 'customer', phone, email: null, name: 'Jo' },
    { role: 'bot', phone: '512 555 0399', email: null, name: null },
  ];
  return {
    kind: 'call',
    source: 'native',
    direction: 'outbound',
    startedAt: 1_700_000_000_000,
    endedAt: 1_700_000_060_000,
    durationMs: 60_000,
    dialStatus: 'ANSWERED',
    candidateId: candidate,
    taskId: task,
    botId: null,
    identifiers: [{ kind: 'phone', value: phone }],
    details: { participants, variables: { name: 'Jo' }, results: { agreed: true } },
    correlation: { sessionId: null, externalId: null, taskName: 'spring' },
    transcript: spokenOnce('yes'),
    audioFormat: null,
  };
}

async function* spoken(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(70_000, 0x44);
}
