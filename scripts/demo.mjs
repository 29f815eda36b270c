// `npm run demo`: a whole life on the sample recordings in a throw-away archive, then a campaign with some of them, then a
// restore, and after each a proof of every promise. Exits with 0 when all of them hold. With `-- --keep` the server stays
// up, and what to try next is printed. With `-- --scale` all but the restore happens on PostgreSQL and S3, whose servers
// `scripts/test-servers start` tells of, with two servers and two workers of ours.
import { parseArgs } from 'node:util';
import { ThrowAwayArchive } from './demo/archive.mjs';
import { nextSteps, proofTable, summaryTable } from './demo/report.mjs';

const flag = { type: 'boolean', default: false };
const { values: options } = parseArgs({ options: { keep: flag, scale: flag } });
if (options.keep && options.scale) throw new Error('--keep is for the archive that needs no servers');
const began = performance.now();
const archive = await ThrowAwayArchive.make({ isAtScale: options.scale });
let isInterrupted = false;
for (const [signal, code] of Object.entries({ SIGHUP: 129, SIGINT: 130, SIGTERM: 143 })) {
  process.on(signal, () => {
    isInterrupted = true;
    void archive.remove().then(() => process.exit(code));
  });
}

try {
  const life = await demonstrate();
  if (life !== undefined && options.keep) {
    archive.letGo();
    console.log(nextSteps(life, archive.folder));
  } else await archive.remove();
} catch (error) {
  if (!isInterrupted) console.error(`\nThe demo failed: ${error.message}\n${await archive.lastLogLines()}`);
  process.exitCode = 1;
  await archive.remove();
}

/** The story and the proofs. Answers with the life when every promise holds. */
async function demonstrate() {
  // Loaded only now: these import the built server, and a missing build should be told in one line.
  const { readSamples, runLife } = await import('./demo/life.mjs');
  const { prove } = await import('./demo/proofs.mjs');
  const { runCampaign } = await import('./demo/campaign/story.mjs');
  const { proveCampaign } = await import('./demo/campaign/proofs.mjs');
  const samples = await readSamples();
  console.log('Tacet: recorded calls, archived and truly forgotten\n');
  let step = 0;
  const tell = (text) => {
    step += 1;
    console.log(`  ${step}  ${text}`);
  };
  const life = await runLife(archive, samples.calls, tell);

  console.log('\nIs it true? Tested from outside, on the files themselves:\n');
  const { rows, counts } = await prove(archive, samples, life);
  for (const row of proofTable(rows)) console.log(row);
  console.log(`\n${summaryTable(life, counts).join('\n')}\n`);

  console.log("And a campaign, as Twin24's clients run it?\n");
  const campaign = await runCampaign(archive, life, samples.calls, tell);
  console.log('\nTested from outside again:\n');
  const campaignRows = await proveCampaign(archive, campaign);
  for (const row of proofTable(campaignRows)) console.log(row);
  console.log('');

  // At scale a backup is made by PostgreSQL's own tools: docs/backup.md.
  const restored = options.scale ? { ...life, rows: [] } : await actOfTheBackup(life, tell);

  const all = [...rows, ...campaignRows, ...restored.rows];
  const failed = all.filter(({ holds }) => !holds).length;
  const tookSeconds = ((performance.now() - began) / 1000).toFixed(1);
  if (failed === 0) console.log(`All ${all.length} checks passed in ${tookSeconds} s.\n`);
  else console.log(`${failed} of ${all.length} checks FAILED.\n`);
  process.exitCode = failed === 0 ? 0 : 1;
  return failed === 0 ? { ...restored, login: campaign.login } : undefined;
}

/** The scene of the backup, with its proofs as `rows`. */
async function actOfTheBackup(life, tell) {
  const { loseAndRestore, proveRestored } = await import('./demo/restored.mjs');
  console.log('Does it come back with a backup?\n');
  const restored = await loseAndRestore(archive, life, tell);
  console.log('');
  const rows = await proveRestored(archive, restored);
  for (const row of proofTable(rows)) console.log(row);
  console.log('');
  return { ...restored, rows };
}
