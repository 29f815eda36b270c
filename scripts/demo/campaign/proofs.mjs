// The second act's promises, put to the test from outside: what was erased, and what was to be kept beside it.
import { attack, everyKey, readKeyPages, readSealings } from '../old-copy.mjs';
import { countSamples, encodingCount, findInPieces, missedIn, samplesOf } from '../raw-bytes.mjs';
import { download } from './clients.mjs';
import { emptyWhenErased } from './erased-row.mjs';
import { lookAt } from './story.mjs';

/** Runs every proof. Answers with rows like those of the first act. */
export async function proveCampaign(archive, campaign) {
  const copy = await openCopy(campaign);
  const now = tryKeys(copy, await everyKey(archive.vault, archive.storage.now()));
  const withOldVault = tryKeys(copy, await everyKey(campaign.copy.vault, campaign.copy.stored));
  const shownNow = await lookAt(campaign.user, campaign.taskId, campaign.list);
  const requests = [
    await linksAreDead(campaign),
    await foundByIdAlone(campaign),
    lateIsRefused(campaign),
    repeatsAreSilent(campaign),
    await storeIsSound(archive),
  ];
  return [
    await nothingInClear(archive, campaign, withOldVault),
    await noPieceIsLeft(archive, copy),
    erasedIsEmpty(campaign, shownNow),
    restIsAsBefore(campaign, shownNow),
    oldCopyIsDead(now),
    oldCopyOpensTheRest(now),
    vaultCopyOpensAll(withOldVault),
    ...requests,
  ];
}

/** What the copy has of this campaign, in two heaps: what the three methods were to erase, and what they were not. */
async function openCopy({ copy: { stored }, taskId, list, erased }) {
  const owners = [taskId, ...list.flatMap(({ candidateId, calls }) => [candidateId, ...calls.map(idOf)])];
  const all = (await readSealings(stored)).filter(({ callId }) => owners.includes(callId));
  const goneCalls = Object.values(erased).flatMap(({ calls }) => calls.map(idOf));
  const isErased = ({ callId, kind }) =>
    (goneCalls.includes(callId) && kind !== 'correlation') ||
    (callId === erased.candidate.candidateId && kind === 'details');
  // Of each call its details and transcript, of each recording its facts and bytes; of the candidate the details.
  const recordings = Object.values(erased).flatMap(({ calls }) => calls.filter(({ hasAudio }) => hasAudio));
  const expected = goneCalls.length * 2 + recordings.length * 2 + 1;
  return {
    pages: await readKeyPages(stored),
    erased: all.filter(isErased),
    kept: all.filter((sealing) => !isErased(sealing)),
    expected,
  };
}

function idOf({ callId }) {
  return callId;
}

function tryKeys({ pages, erased, kept, expected }, keys) {
  const result = attack({ pages, sealings: [...erased, ...kept] }, keys);
  const isAmong = (heap) => {
    const names = new Set(heap.map(({ callId, kind }) => `${callId} ${kind}`));
    return result.opened.filter(({ callId, kind }) => names.has(`${callId} ${kind}`));
  };
  return { ...result, erased, kept, expected, erasedOpen: isAmong(erased), keptOpen: isAmong(kept) };
}

/** The control is what the copy held: each word was there, under a key that is destroyed by now or one that is not. */
async function nothingInClear(archive, { list }, { opened }) {
  const words = list.flatMap((person) => person.words);
  const text = opened
    .filter(({ kind }) => kind !== 'recording')
    .map(({ plain }) => plain.toString('utf8'))
    .join('\n');
  const pieces = await archive.pieces({ withLogs: true });
  const { found, bytes } = await findInPieces(words, pieces);
  const missed = missedIn(words, text);
  const where = `${pieces.length} files (${(bytes / 1e6).toFixed(1)} MB) of ${archive.storage.words.searched}, vault and logs`;
  return {
    name: 'No number, variable, result, e-mail or spoken word lies on the disk in clear',
    holds: found.length === 0 && missed.length === 0,
    evidence: `${words.length} marked words in ${encodingCount} encodings: ${found.length} found in ${where}. Control: of what was sealed before, opened, the same search misses ${missed.length}`,
    trouble: [...found, ...missed.map((word) => `the search itself misses ${word}`)],
  };
}

/** Not even the ciphertext. The control is that the pieces of a recording that stays are found. */
async function noPieceIsLeft(archive, { erased, kept }) {
  const pieces = await archive.pieces({ withLogs: false });
  const samplesIn = (heap) =>
    heap.filter(({ kind }) => kind === 'recording').flatMap(({ sealed }) => samplesOf(sealed));
  const [gone, stays] = [samplesIn(erased), samplesIn(kept)];
  const [left, there] = [await countSamples(gone, pieces), await countSamples(stays, pieces)];
  return {
    name: "No piece of an erased recording's ciphertext is left",
    holds: left === 0 && gone.length > 0 && there === stays.length && stays.length > 0,
    evidence: `${left} of ${gone.length} pieces; of the recordings that stay ${there} of ${stays.length}`,
  };
}

/** Field by field: empty what the vendor's table of data classes erases, and all else as it was. */
function erasedIsEmpty({ erased, shown, kept }, now) {
  const { candidateId } = erased.candidate;
  const ids = Object.values(erased).flatMap(({ calls }) => calls.map(idOf));
  const wrong = ids.flatMap((id) => otherFields(id, { ...shown[id], ...emptyWhenErased.call }, now[id]));
  // When it was last changed is the one thing that a candidate's erasure may change beside.
  const { updatedAt } = now[candidateId];
  const candidate = { ...shown[candidateId], ...emptyWhenErased.candidate, updatedAt };
  wrong.push(...otherFields(candidateId, candidate, now[candidateId]));
  const fields = Object.keys(emptyWhenErased.call).length;
  return {
    name: 'An erased row is empty where it should be, and keeps its skeleton',
    holds: wrong.length === 0 && kept.isPlayed && kept.isEmpty,
    evidence: `${ids.length} rows and a candidate: ${fields} fields of each row empty; clientExternalId, callbackData, price, times, names of task and bot as before; ${wrong.length} fields otherwise`,
    trouble: wrong,
  };
}

function otherFields(id, wanted, found) {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
  const other = names.filter((name) => JSON.stringify(wanted[name]) !== JSON.stringify(found[name]));
  return other.map((name) => `${name} of ${id}`);
}

function restIsAsBefore({ taskId, list, erased, shown }, now) {
  const others = list.filter((person) => !Object.values(erased).includes(person));
  // A candidate is erased by its own method alone, so that of the two others the numbers to be dialled stay.
  const candidates = list.filter((person) => person !== erased.candidate).map(({ candidateId }) => candidateId);
  const ids = [taskId, ...candidates, ...others.flatMap(({ calls }) => calls.map(idOf))];
  const wrong = ids.flatMap((id) => otherFields(id, shown[id], now[id]));
  return {
    name: 'Everything else reads as before',
    holds: wrong.length === 0,
    evidence: `the task, ${candidates.length} candidates, the calls of ${others.length} of them; ${wrong.length} fields otherwise`,
    trouble: wrong,
  };
}

function oldCopyIsDead({ erased, expected, erasedOpen, isTopOpen, keys, trials }) {
  return {
    name: 'The copy from before the erasures opens nothing that was erased',
    holds: erasedOpen.length === 0 && !isTopOpen && trials > 0 && erased.length === expected,
    evidence: `${erasedOpen.length} of ${erased.length} sealed pieces, by force: ${keys} keys, all that exist now, ${trials.toLocaleString('en')} trials`,
  };
}

function oldCopyOpensTheRest({ kept, keptOpen }) {
  return {
    name: 'The same copy and keys do open what was kept',
    holds: keptOpen.length === kept.length && kept.length > 0,
    evidence: `${keptOpen.length} of ${kept.length}`,
  };
}

/** If it did not, the trials above would prove nothing. */
function vaultCopyOpensAll({ erased, kept, erasedOpen, keptOpen, isTopOpen }) {
  return {
    name: 'LIMIT: with a copy of the vault of that time it opens all',
    holds: erasedOpen.length === erased.length && keptOpen.length === kept.length && isTopOpen,
    evidence: `${erasedOpen.length} of ${erased.length} erased pieces, and ${keptOpen.length} of ${kept.length} others`,
  };
}

/** The links given before the erasures; those of the others still work. */
async function linksAreDead({ calls, erased, kept }) {
  const goneCalls = Object.values(erased).flatMap((person) => person.calls);
  const links = calls.filter(({ recordPath }) => recordPath !== undefined);
  const outcome = async (call) => {
    const bytes = await download(call.recordPath);
    return goneCalls.includes(call) ? bytes === undefined : bytes?.equals(call.audio) === true;
  };
  const right = (await Promise.all(links.map(outcome))).filter(Boolean).length;
  const gone = links.filter((call) => goneCalls.includes(call)).length;
  return {
    name: 'A link to a recording dies with it, and with nothing else',
    holds: right === links.length && gone > 0 && gone < links.length && kept.isPlayed,
    evidence: `${right} of ${links.length} links do what they should, ${gone} of them dead; the audio that was kept played until it was deleted`,
  };
}

async function foundByIdAlone({ user, list, erased }) {
  const outcomes = [];
  for (const { phones, calls } of list) {
    const isErased = calls.some((call) => Object.values(erased).some((person) => person.calls.includes(call)));
    const { count } = await user.rows({ phone: phones[0] });
    const others = await Promise.all(phones.slice(1).map(async (phone) => await user.rows({ phone })));
    const byNumber = count + others.reduce((sum, one) => sum + one.count, 0);
    const byId = await Promise.all(calls.map(async ({ callId }) => await user.row(callId)));
    const isFound = byId.every((row) => row !== undefined);
    outcomes.push({ isErased, isRight: isFound && byNumber === (isErased ? 0 : calls.length) });
  }
  const right = (those) => those.filter(({ isRight }) => isRight).length;
  const [gone, others] = [outcomes.filter((one) => one.isErased), outcomes.filter((one) => !one.isErased)];
  return {
    name: 'Erased calls are found by id, and by no number',
    holds: right(outcomes) === outcomes.length,
    evidence: `${right(gone)} of ${gone.length} people; the ${others.length} others are found by both (${right(others)})`,
  };
}

function lateIsRefused({ refused }) {
  return {
    name: 'What comes late for an erased call or candidate is refused',
    holds: refused.every((status) => status === 409),
    evidence: `a result, two recordings and a call: ${refused.join(', ')}`,
  };
}

function repeatsAreSilent({ repeats }) {
  return {
    name: 'Every erasure may be asked for again',
    holds: repeats.every(Boolean),
    evidence: `${repeats.filter(Boolean).length} of ${repeats.length} answered 200 with an empty body`,
  };
}

async function storeIsSound(archive) {
  const { code, answer } = await archive.command('fsck', '--deep');
  return {
    name: 'tacet fsck --deep opens all that is left',
    holds: code === 0 && answer.clean,
    evidence: `exit code ${code}, ${answer.problems.length} problems`,
    trouble: answer.problems.map((problem) => JSON.stringify(problem)),
  };
}
