// The last scene: a backup, one more purge, a server that dies and loses its database, and the backup put back.
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openClient } from './client.mjs';
import { databaseOf } from './embedded-storage.mjs';
import { playedDifferently, untilGone } from './life.mjs';

/** How long a backup opens in this scene, as the setting has it and in words. */
const horizon = { setting: '1h', words: 'an hour' };

/** Who is purged after the backup. */
const lateCall = '07-appointment-book';

/** What `tacet` ends with when the database is one that was put back. */
const restoredExitCode = 7;

/**
 * Goes on with the life: backs up, purges one call that the backup still has, loses the database and restores it from
 * the backup. Answers with the life as it is then, and with what the proofs need of the loss.
 */
export async function loseAndRestore(archive, life, tell) {
  const backup = join(archive.folder, 'copies', 'backup');
  await archive.endServers('SIGTERM');
  archive.horizon = horizon.setting;
  const { client } = await serveAgain(archive, life);
  mustEndWith(0, (await archive.command('backup', backup)).code, 'tacet backup');
  tell(`Started again with a backup horizon of ${horizon.words}, and ran tacet backup`);

  const late = life.kept.find(({ file }) => file === `audio/${lateCall}.wav`);
  const [item] = await client.purgeCalls([late.callId]);
  if (item.status !== 'Purging') throw new Error(`the purge after the backup answered ${item.status}`);
  await untilGone(client, [late]);
  await archive.endServers('SIGKILL');
  await rm(dirname(databaseOf(archive.home)), { recursive: true });
  tell('Purged one more call. Once it was gone, killed the server with SIGKILL and deleted its database');

  await mkdir(dirname(databaseOf(archive.home)), { mode: 0o700 });
  await copyFile(join(backup, 'database.sqlite'), databaseOf(archive.home));
  const refusedWith = await archive.exitCodeOf('keys', 'status');
  const { code, answer: report } = await archive.command('restore', '--from', backup);
  mustEndWith(0, code, 'tacet restore');
  const started = await serveAgain(archive, life);
  tell('Put the backup back, which has the call: by cp, which is refused, then by tacet restore');
  return { ...life, ...started, late, kept: life.kept.filter((call) => call !== late), refusedWith, report };
}

/** The proofs of this scene, in the rows of the first table. */
export async function proveRestored(archive, life) {
  return [
    copyIsRefused(life),
    reportNamesIt(life),
    await staysGone(life),
    await othersPlay(life),
    await storeIsSoundWithin(archive),
  ];
}

async function serveAgain(archive, { credentials }) {
  const served = await archive.serve();
  return { ...served, client: await openClient(served.bases, credentials) };
}

function copyIsRefused({ refusedWith }) {
  return {
    name: 'A database that was put back is not served',
    holds: refusedWith === restoredExitCode,
    evidence: `exit code ${refusedWith} until tacet restore has worked on it`,
  };
}

/** The database that did it is gone; only the vault's journal still knew. */
function reportNamesIt({ report, late }) {
  const [item] = report.items;
  const isIt = report.items.length === 1 && item.callId === late.callId && item.action === 'purge';
  return {
    name: 'The restore purges it again, and says so',
    holds: isIt && item.wasHere && report.verified && report.itemsVerified === 1,
    evidence: `${report.items.map(({ action, callId }) => `${action} of ${callId}`).join(', ')}; ${report.itemsVerified} of ${report.items.length} verified`,
  };
}

async function staysGone({ client, late }) {
  const [{ status }] = await client.status([late.sessionId]);
  const isPlayed = (await client.recording(late.callId)) !== undefined;
  const retried = await client.archiveStatus(late.info, late.audio);
  return {
    name: 'The call purged after the backup stays gone',
    holds: status === 'NotFound' && !isPlayed && retried === 400,
    evidence: `status ${status}, ${isPlayed ? 'but its recording plays' : 'no recording'}; a retried upload is answered ${retried}`,
  };
}

async function othersPlay({ client, kept }) {
  const played = kept.length - (await playedDifferently(client, kept)).length;
  return {
    name: 'The others play back bit for bit',
    holds: played === kept.length,
    evidence: `${played} of ${kept.length} by the API`,
  };
}

async function storeIsSoundWithin(archive) {
  const { code, answer } = await archive.command('fsck', '--deep');
  return {
    name: 'tacet fsck --deep opens all that is left',
    holds: code === 0 && answer.clean,
    evidence: `exit code ${code}, ${answer.problems.length} problems`,
    trouble: answer.problems.map((problem) => JSON.stringify(problem)),
  };
}

function mustEndWith(expected, code, what) {
  if (code !== expected) throw new Error(`${what} ended with ${code}`);
}
