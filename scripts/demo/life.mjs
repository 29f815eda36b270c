// The life of the sample calls: archived, asked for, copied by a backup, purged.
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { openClient } from './client.mjs';
import { rootKeyCount } from './old-copy.mjs';

const samplesFolder = new URL('../../samples/', import.meta.url);
const goneMsMax = 20_000;

/** Who is purged, and how the request names them. The number is written as in none of the customer's four calls. */
const purges = { customer: 'card', number: '+1 (512) 555 0142', call: '09-claim-report', session: '11-invoice-wrong' };

/** The text of samples/calls.json, and its calls with the bytes of their recordings. */
export async function readSamples() {
  const text = await readFile(new URL('calls.json', samplesFolder), 'utf8');
  const calls = await Promise.all(
    JSON.parse(text).map(async (call) => ({
      ...call,
      sessionId: call.info.sessionId,
      number: call.info.contacts.find(({ type }) => type === 'customer').phoneNumber,
      audio: await readFile(new URL(call.file, samplesFolder)),
    })),
  );
  return { text, calls };
}

/** Runs the whole life and tells each step. Answers with what the proofs need. */
export async function runLife(archive, samples, tell) {
  const started = await startUp(archive, tell);
  const { client } = started;
  const calls = await archiveAll(client, samples, tell);
  const ofCustomer = calls.filter(({ customer }) => customer === purges.customer);
  await preview(client, ofCustomer, tell);

  const copy = await archive.copy('before');
  tell(`Copied ${archive.storage.words.copied}, as a backup does, and (as nobody should beside it) the vault`);

  const purged = await purge(client, calls, ofCustomer, tell);
  const kept = calls.filter((call) => !purged.includes(call));
  const goneMs = await untilGone(client, purged);
  await untilOneRootKey(archive.vault);
  tell(
    `Status says NotFound for all ${purged.length} after ${(goneMs / 1000).toFixed(1)} s, Complete for the ${kept.length} others`,
  );
  mustBe('the calls that stay', await statusesOf(client, kept), 'Complete');
  return { ...started, purged, kept, copy, number: purges.number };
}

async function startUp(archive, tell) {
  const tenant = await archive.command('tenant', 'create', 'demo', '--region', 'US');
  const made = await archive.command('client', 'create', '--tenant', 'demo', '--scopes', 'all');
  if (tenant.code !== 0 || made.code !== 0) throw new Error('no tenant or client could be made');
  const served = await archive.serve();
  const { workers } = archive.storage.fleet;
  const others = workers === 0 ? 'the server is up' : `${served.bases.length} servers and ${workers} workers are up`;
  tell(`Made a tenant and an API client; ${others} at ${served.bases.join(' and ')}`);
  return { ...served, credentials: made.answer, client: await openClient(served.bases, made.answer) };
}

async function archiveAll(client, samples, tell) {
  const calls = [];
  for (const call of samples) calls.push({ ...call, callId: await client.archive(call.info, call.audio) });
  mustBe('the archived calls', await statusesOf(client, calls), 'Complete');
  const different = await playedDifferently(client, calls);
  if (different.length > 0) throw new Error(`${different.length} recordings came back changed`);
  const customers = new Set(calls.map(({ customer }) => customer)).size;
  tell(`Archived ${calls.length} recordings of ${customers} customers; each plays back bit for bit`);
  return calls;
}

/** Those of the calls whose recording the server does not give back exactly. */
export async function playedDifferently(client, calls) {
  const different = [];
  for (const call of calls) {
    const bytes = await client.recording(call.callId);
    if (bytes === undefined || !bytes.equals(call.audio)) different.push(call);
  }
  return different;
}

async function preview(client, ofCustomer, tell) {
  const spellings = ofCustomer.map(({ number }) => number);
  if (spellings.includes(purges.number)) throw new Error('the number asked for is written as in a call');
  const items = await client.whatIf(purges.number);
  mustBe(
    'the preview',
    items.map(({ status }) => status),
    'WhatIf',
  );
  mustBeTheSame('the preview', items, ofCustomer);
  tell(`What if ${purges.number} were purged: ${items.length} calls, archived as ${spellings.join(', ')}`);
}

async function purge(client, calls, ofCustomer, tell) {
  const named = (name) => calls.find(({ file }) => file === `audio/${name}.wav`);
  const byPhone = await client.purgeCustomer(purges.number);
  const byCall = await client.purgeCalls([named(purges.call).callId]);
  const bySession = await client.purgeSessions([named(purges.session).sessionId]);
  const purged = [...ofCustomer, named(purges.call), named(purges.session)];
  const items = [...byPhone, ...byCall, ...bySession];
  mustBe(
    'the purge',
    items.map(({ status }) => status),
    'Purging',
  );
  mustBeTheSame('the purge', items, purged);
  tell(`Purged ${byPhone.length} calls by phone, ${byCall.length} by call id, ${bySession.length} by session id`);
  return purged;
}

async function statusesOf(client, calls) {
  return (await client.status(calls.map(({ sessionId }) => sessionId))).map(({ status }) => status);
}

/** Asks as a client would, until the archive says that nothing is left. Answers with how long that took, in ms. */
export async function untilGone(client, purged) {
  const began = performance.now();
  for (;;) {
    const statuses = await statusesOf(client, purged);
    const tookMs = performance.now() - began;
    if (statuses.every((status) => status === 'NotFound')) return tookMs;
    if (tookMs > goneMsMax) throw new Error(`after ${goneMsMax} ms the status is still ${statuses.join(', ')}`);
    await pause(50);
  }
}

/** With a horizon of zero a root key dies right after the seal that retires it, which may be moments after `NotFound`. */
export async function untilOneRootKey(vault) {
  for (const deadline = performance.now() + goneMsMax; (await rootKeyCount(vault)) !== 1; await pause(20)) {
    if (performance.now() > deadline) throw new Error(`retired root keys are still in the vault after ${goneMsMax} ms`);
  }
}

function mustBe(what, statuses, wanted) {
  const others = statuses.filter((status) => status !== wanted);
  if (others.length > 0) throw new Error(`${what}: expected ${wanted}, got ${others.join(', ')}`);
}

function mustBeTheSame(what, items, calls) {
  const ids = (list) =>
    list
      .map(({ callId }) => callId)
      .sort()
      .join(' ');
  if (ids(items) !== ids(calls))
    throw new Error(`${what} names ${items.length} calls where ${calls.length} others were expected`);
}
