// Each promise, put to the test from outside. A proof answers whether it holds, and with what a visitor should know.
import { playedDifferently } from './life.mjs';
import { attack, everyKey, readKeyPages, readSealings } from './old-copy.mjs';
import { encodingCount, findInPieces, missedIn } from './raw-bytes.mjs';

/** Runs every proof. Answers with the rows of the first table and the counts of the second. */
export async function prove(archive, samples, life) {
  const now = await tryOldCopy(life, await everyKey(archive.vault, archive.storage.now()));
  const withOldVault = await tryOldCopy(life, await everyKey(life.copy.vault, life.copy.stored));
  const playedNow = await playable(life);
  const requests = [await retryIsRefused(life), await customerIsUnknown(life), await storeIsSound(archive)];
  const rows = [
    // Looked at last, so that it sees what the requests above may have left; shown first, since it comes first to mind.
    await nothingInClear(archive, samples),
    othersPlay(life, playedNow),
    oldCopyIsDead(archive, life, now),
    oldCopyOpensTheRest(life, now),
    vaultCopyOpensAll(life, withOldVault),
    ...requests,
  ];
  return { rows, counts: { playedNow, now, withOldVault } };
}

/** The words themselves. Of every call, since those that stay are sealed as well. */
async function nothingInClear(archive, { text, calls }) {
  const words = [...new Set(calls.flatMap(({ marks, sessionId }) => [...marks, sessionId]))];
  const pieces = await archive.pieces({ withLogs: true });
  const { found, bytes } = await findInPieces(words, pieces);
  const missed = missedIn(words, text);
  const where = `${pieces.length} files (${(bytes / 1e6).toFixed(1)} MB) of ${archive.storage.words.searched}, vault and logs`;
  return {
    name: 'No word of a call lies on the disk in clear',
    holds: found.length === 0 && missed.length === 0,
    evidence: `${words.length} marked words, names and numbers in ${encodingCount} encodings: ${found.length} found in ${where}. Control: the same search misses ${missed.length} of them in samples/calls.json`,
    trouble: [...found, ...missed.map((word) => `the search itself misses ${word}`)],
  };
}

async function playable({ client, purged, kept }) {
  const answers = await Promise.all(purged.map(async ({ callId }) => await client.recording(callId)));
  const different = await playedDifferently(client, kept);
  return { purged: answers.filter((bytes) => bytes !== undefined).length, kept: kept.length - different.length };
}

/** Nobody else loses anything. */
function othersPlay({ purged, kept }, played) {
  return {
    name: 'The calls that stay play back bit for bit',
    holds: played.kept === kept.length && played.purged === 0,
    evidence: `${played.kept} of ${kept.length} by the API; of the purged ones ${played.purged} of ${purged.length}`,
  };
}

/**
 * A call counts as open when any of its ciphertexts opened, and as whole when all of them did and its recording is the
 * file that was uploaded.
 */
async function tryOldCopy({ copy: { stored }, purged, kept }, keys) {
  const copy = { pages: await readKeyPages(stored), sealings: await readSealings(stored) };
  const result = attack(copy, keys);
  const of = (list, { callId }) => list.filter((sealing) => sealing.callId === callId);
  const isOpen = (call) => of(result.opened, call).length > 0;
  const isWhole = (call) => {
    const recording = of(result.opened, call).find(({ kind }) => kind === 'recording');
    const isComplete = of(result.opened, call).length === of(copy.sealings, call).length;
    return isComplete && recording?.plain.equals(call.audio) === true;
  };
  return {
    ...result,
    pages: copy.pages.length,
    sealings: copy.sealings.length,
    purgedOpen: purged.filter(isOpen).length,
    purgedWhole: purged.filter(isWhole).length,
    keptWhole: kept.filter(isWhole).length,
  };
}

/**
 * What makes this an erasure. The counts show that somebody really tried. Key pages that the purge did not touch may
 * open; the topmost one, from which all of the copy would follow, must not.
 */
function oldCopyIsDead({ storage }, { purged }, { purgedOpen, isTopOpen, keys, pages, sealings, trials }) {
  const tried = `${keys} keys, all that exist now, each on its ${pages} key pages and ${sealings} sealed pieces`;
  return {
    name: `${storage.words.copy} from before the purge opens no purged call`,
    holds: purgedOpen === 0 && !isTopOpen && trials > 0,
    evidence: `${purgedOpen} of ${purged.length}, by force: ${tried}, ${trials.toLocaleString('en')} trials`,
  };
}

/** The other half, and the control of the first: the same trials do open what was not purged. */
function oldCopyOpensTheRest({ kept }, { keptWhole }) {
  return {
    name: 'The same copy and keys do open the calls that stay',
    holds: keptWhole === kept.length,
    evidence: `${keptWhole} of ${kept.length}, recordings bit for bit`,
  };
}

/** The limit. It is expected to open everything; if it did not, the trials above would prove nothing. */
function vaultCopyOpensAll({ purged, kept }, { purgedWhole, keptWhole, isTopOpen }) {
  return {
    name: 'LIMIT: with a copy of the vault from before the purge it opens all',
    holds: purgedWhole === purged.length && keptWhole === kept.length && isTopOpen,
    evidence: `${purgedWhole} of ${purged.length} purged calls, and ${keptWhole} of ${kept.length} others`,
  };
}

/** The commonest way in which data comes back. */
async function retryIsRefused({ client, purged }) {
  const statuses = await Promise.all(purged.map(async ({ info, audio }) => await client.archiveStatus(info, audio)));
  const refused = statuses.filter((status) => status === 400).length;
  return {
    name: 'A retried upload does not bring a purged call back',
    holds: refused === purged.length,
    evidence: `${refused} of ${purged.length} uploads refused with 400`,
  };
}

/** The customer is gone under every spelling, the stored ones included. */
async function customerIsUnknown({ client, purged, number }) {
  const [customer] = purged.map((call) => call.customer);
  const numbers = [number, ...purged.filter((call) => call.customer === customer).map((call) => call.number)];
  const found = (await Promise.all(numbers.map(async (one) => await client.whatIf(one)))).flat();
  return {
    name: 'The purged customer is not found any more',
    holds: found.length === 0,
    evidence: `${found.length} calls under ${numbers.length} spellings of the number`,
  };
}

/** The archive's own outside check. */
async function storeIsSound(archive) {
  const { code, answer } = await archive.command('fsck');
  return {
    name: 'tacet fsck finds rows, keys, bytes and journal in order',
    holds: code === 0 && answer.problems.length === 0,
    evidence: `exit code ${code}, ${answer.problems.length} problems`,
    trouble: answer.problems.map((problem) => JSON.stringify(problem)),
  };
}
