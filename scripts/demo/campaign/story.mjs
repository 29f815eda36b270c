// The second act: a campaign from login to erasure, by the API that Twin24's clients speak.
import { setTimeout as pause } from 'node:timers/promises';
import { untilOneRootKey } from '../life.mjs';
import { openErasures } from '../old-copy.mjs';
import { download, mustBe, openPlatform, openTwin } from './clients.mjs';
import { candidateOf, peopleOf, plans, reportOf, resultsOf } from './people.mjs';

const waitMsMax = 20_000;

/** Runs the act beside what the archive holds already and tells each step. Answers with what the proofs need. */
export async function runCampaign(archive, { bases }, samples, tell) {
  const started = await startUp(archive, bases, tell);
  const people = await setUp(started, peopleOf(samples), tell);
  await dial(started, people, tell);
  const calls = people.list.flatMap((person) => person.calls);
  const shown = await readAndSave(started, people, calls, tell);

  const copy = await archive.copy('campaign');
  tell(`Copied ${archive.storage.words.copied} and the vault once more, as they are before the erasures`);

  const erased = erasedOf(people.list);
  const kept = await erase(started, erased, tell);
  const { refused, repeats } = await comeLate(started, erased, tell);
  await untilVerified(archive);
  return { ...started, ...people, calls, shown, copy, erased, kept, refused, repeats };
}

async function startUp(archive, bases, tell) {
  const made = [
    await archive.command('tenant', 'create', 'campaigns', '--region', 'US'),
    await archive.command('client', 'create', '--tenant', 'campaigns', '--scopes', 'calls:write'),
    await archive.command(
      ...['user', 'create', '--tenant', 'campaigns', '--email', 'campaigns@example.com'],
      ...['--scopes', 'calls:write,calls:read,erasures:execute'],
    ),
  ];
  if (made.some(({ code }) => code !== 0)) throw new Error('no tenant, client or user could be made');
  const [, { answer: client }, { answer: login }] = made;
  const [user, platform] = [await openTwin(bases, login), await openPlatform(bases, client)];
  tell('Made another tenant, a user who has logged in as an SDK does, and a client for the platform that dials');
  return { user, platform, login };
}

async function setUp({ user }, list, tell) {
  const taskId = await user.createTask({
    name: 'How did we do?',
    defaultExec: 'robot',
    defaultExecData: '6b1d1d34-4e52-4a53-9d07-5a3f3ed4a001',
    secondExec: 'end',
    cidType: 'default',
    startType: 'manual',
    cps: '1.05',
    additionalOptions: { recordCall: true, recTrimLeft: false },
    redialStrategyOptions: { redialStrategyEn: false },
    webhookUrls: [],
  });
  const ids = await user.addCandidates(list.map((person) => candidateOf(person, taskId)));
  const numbers = list.flatMap(({ phones }) => phones).length;
  tell(`Made a recorded task, put ${list.length} people with ${numbers} numbers on it in one batch, and started it`);
  return { taskId, list: list.map((person, i) => ({ ...person, candidateId: ids[i] })) };
}

/**
 * Reports a call for each recording of those whom the task says to dial. Two come without their audio: one recording is
 * sent afterwards, with the results, and one not until its call is erased.
 */
async function dial({ platform }, { taskId, list }, tell) {
  const pending = (await platform.pending(taskId)).map(({ id }) => id);
  for (const person of list) {
    if (!pending.includes(person.candidateId)) throw new Error('somebody is not to be dialled');
    person.calls = person.calls.map((sample, i) => ({ ...sample, hasAudio: i === 0 }));
    const isLate = person.plan === plans.stayAudioLate;
    for (const call of person.calls) {
      const report = reportOf(person, call, person.candidateId);
      const said = isLate ? report : { ...report, ...resultsOf(person) };
      call.callId = await platform.report(said, call.hasAudio && !isLate ? call.audio : undefined);
      if (!isLate) continue;
      mustBe(201, await platform.putRecording(call.callId, call.audio), 'a recording that comes later');
      mustBe(200, await platform.complete(call.callId, resultsOf(person)), 'results that come later');
    }
  }
  const calls = list.flatMap((person) => person.calls);
  tell(`The platform read whom to dial and reported ${calls.length} calls, of one the audio and results later`);
}

/** Answers with everything that the API shows: what was to be kept must read the same when all is over. */
async function readAndSave({ user }, { taskId, list }, calls, tell) {
  const { count } = await user.rows({ taskId });
  if (count !== calls.length) throw new Error(`the statistics have ${count} of ${calls.length} calls`);
  let saved = 0;
  for (const call of calls) {
    const { recordPath } = await user.row(call.callId);
    if ((recordPath !== null) !== call.hasAudio) throw new Error('a row has a recordPath too many, or too few');
    if (recordPath === null) continue;
    if (!(await download(recordPath))?.equals(call.audio)) throw new Error('a recording came back changed');
    Object.assign(call, { recordPath });
    saved += 1;
  }
  tell(`The client read the ${calls.length} rows and saved the ${saved} recordings, each bit for bit`);
  return await lookAt(user, taskId, list);
}

/** Task, candidates and rows, by id. A `recordPath` is another one each time, and all that counts is whether it is there. */
export async function lookAt(user, taskId, list) {
  const shown = { [taskId]: await user.task(taskId) };
  for (const { candidateId, calls } of list) {
    shown[candidateId] = await user.candidate(candidateId);
    for (const { callId } of calls) {
      const row = await user.row(callId);
      shown[callId] = { ...row, recordPath: row.recordPath === null ? null : 'a link' };
    }
  }
  return shown;
}

function erasedOf(list) {
  const planned = (plan) => list.find((person) => person.plan === plan);
  return {
    keeping: planned(plans.keepAudio),
    whole: planned(plans.eraseCall),
    candidate: planned(plans.eraseCandidate),
  };
}

const pathOf = ([call]) => `/calls/${call.callId}/depersonalization`;
const pathOfCandidate = ({ candidateId }) => `/telephony/autoCallCandidate/${candidateId}/depersonalization`;

/** Answers with what was still there between the erasure of a call and that of its audio. */
async function erase({ user }, { keeping, whole, candidate }, tell) {
  mustBeSilent(await user.eraseByJson(pathOf(keeping.calls), { skipDeleteRecord: true }));
  const { callId, audio } = keeping.calls[0];
  const { recordPath, phone, messages } = await user.row(callId);
  const kept = {
    isPlayed: (await download(recordPath))?.equals(audio) === true,
    isEmpty: phone === null && messages.length === 0,
  };
  tell('Erased a call with skipDeleteRecord: its row is empty, its audio still plays');
  mustBeSilent(await user.eraseByBarePost(pathOf(whole.calls)));
  mustBeSilent(await user.eraseByEmptyJson(pathOfCandidate(candidate)));
  mustBeSilent(await user.deleteRecord(callId));
  tell(
    `Erased a call by a POST without a body, a candidate with ${candidate.calls.length} calls by one of empty JSON, and the audio that was kept`,
  );
  return kept;
}

/** The two commonest ways in which data comes back, or an error does where none should. */
async function comeLate({ user, platform }, { keeping, whole, candidate }, tell) {
  const [, later] = candidate.calls;
  const late = [
    await platform.complete(whole.calls[0].callId, resultsOf(whole)),
    await platform.putRecording(later.callId, later.audio),
    await platform.putRecording(keeping.calls[0].callId, keeping.calls[0].audio),
    await platform.tryReport(reportOf(candidate, later, candidate.candidateId), later.audio),
  ];
  const again = [
    await user.eraseByJson(pathOf(keeping.calls), { skipDeleteRecord: false }),
    await user.eraseByBarePost(pathOf(whole.calls)),
    await user.eraseByEmptyJson(pathOfCandidate(candidate)),
    await user.deleteRecord(keeping.calls[0].callId),
    await user.deleteRecord(whole.calls[0].callId),
  ];
  tell(
    `The platform sent a result, ${late.length - 2} recordings and a call too late; the client asked for every erasure again`,
  );
  return { refused: late.map(({ status }) => status), repeats: again.map(isSilent) };
}

function isSilent({ status, text }) {
  return status === 200 && text === '';
}

function mustBeSilent(answer) {
  if (!isSilent(answer)) throw new Error(`an erasure answered ${answer.status}: ${answer.text}`);
}

/** 200 means that the keys are destroyed. Bytes, proof and the last seal follow, which these clients are not told. */
async function untilVerified({ storage, vault }) {
  for (const deadline = performance.now() + waitMsMax; (await openErasures(storage.now())) > 0; await pause(50)) {
    if (performance.now() > deadline) throw new Error(`erasures are still under way after ${waitMsMax} ms`);
  }
  await untilOneRootKey(vault);
}
