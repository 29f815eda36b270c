/** Twin24's surface and the native way in, asked with marked words: users, campaigns, calls, reading, erasing. */
import { expect } from 'vitest';
import { createUser } from '../../src/engine/access/users.ts';
import { newId } from '../../src/lib/ids.ts';
import { scopes } from '../../src/model/tenant.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { formOf, formType } from './creovai-forms.ts';
import type { TestApp } from './harness.ts';
import { marks } from './marks.ts';
import { callPart, recordingPart } from './native-client.ts';
import type { VendorAnswer, VendorClient } from './vendor-client.ts';

const iam = '/iam/api/v1';
const telephony = '/cis/api/v1/telephony';
const search = '/analyse/api/v1/search/cis';
const botId = '6b1f3a52-7c1e-4c8e-9f58-1f6f0d6f1a11';
const asJson = { 'content-type': 'application/json' };
const markedAudio = Buffer.from(marks.audio.repeat(5000));

/** What no file may have: tokens of users, and links to recordings. */
export type TwinSecrets = { tokens: string[]; links: string[] };

/** A campaign from login to erasure, with refusals of each kind in between; some of it is there to the end. */
export async function liveMarkedCampaign(app: TestApp, client: VendorClient): Promise<TwinSecrets> {
  const tokens = await logIn(app, client);
  const task = await makeTask(client);
  const [first = '', second = '', third = ''] = await addCandidates(client, task);
  const call = await archive(client, { candidateId: first });
  const other = await archive(client, { candidateId: second, key: marks.idempotencyKey });
  // Twice, as a client does that has not heard the answer.
  await archive(client, { candidateId: second, key: marks.idempotencyKey });
  const kept = await archive(client, { candidateId: third });
  const bare = await lateParts(client, third);
  const links = await read(client, [call, other, kept, bare]);
  await refusals(client, { task, call });
  await eraseAndComeLate(client, { call, other, bare, candidate: second });
  await untilQuiet(app.engine);
  await read(client, [call, other, kept, bare]);
  return { tokens, links };
}

function ok(answer: VendorAnswer, status = 200): VendorAnswer {
  expect(answer.status, answer.text).toBe(status);
  return answer;
}

async function logIn(app: TestApp, client: VendorClient): Promise<string[]> {
  const { userEmail: email, password, wrongPassword, badInput } = marks;
  const actor = { kind: 'cli', id: 'cli' } as const;
  await createUser(app.engine, app.tenant, { email, scopes: [...scopes], actor, password });
  const path = `${iam}/auth/login`;
  await client.post(path, { email, password: wrongPassword });
  await client.post(path, { email: `${badInput}@example.org`, password: wrongPassword });
  await client.post(path, { email: badInput, password: [wrongPassword], ttl: badInput, companyId: badInput });
  const { json } = ok(await client.post(path, { email: ` ${email.toUpperCase()}`, password, extra: [] }));
  const given = json as { token: string; refreshToken: string };
  await client.post(`${iam}/auth/refresh`, { refreshToken: marks.badToken });
  await client.get(`${iam}/auth/refresh?refreshToken=${marks.badToken}&ttl=${badInput}`);
  const again = ok(await client.post(`${iam}/auth/refresh`, { refreshToken: given.refreshToken })).json as typeof given;
  const headers = { authorization: `Bearer ${given.token}` };
  ok(await client.send(`${iam}/users/me`, { method: 'GET', headers }));
  ok(await client.get(`${iam}/users`));
  await client.get(`${iam}/users/${badInput}`);
  return [given.token, given.refreshToken, again.token, again.refreshToken];
}

async function makeTask(client: VendorClient): Promise<string> {
  const settings = {
    defaultExec: 'robot',
    defaultExecData: botId,
    cps: '0.97',
    taskComment: marks.taskSetting,
    webhookUrls: [`https://example.org/${marks.taskSetting}`],
    callbackData: { [marks.callbackData]: marks.callbackData },
  };
  const { json } = ok(await client.post(`${telephony}/autoCall`, { name: marks.taskName, ...settings }));
  const { identity } = (json as { id: { identity: string } }).id;
  ok(await client.get(`${telephony}/autoCall?keyword=${marks.taskName}`));
  ok(await client.get(`${telephony}/autoCall/${identity}`));
  return identity;
}

async function addCandidates(client: VendorClient, autoCallId: string): Promise<string[]> {
  const given = (phone: string, name: string) => ({
    phone: [`+1${phone}`],
    variables: { [marks.variableKey]: marks.variable },
    callbackData: { [marks.callbackData]: marks.callbackData },
    clientExternalId: `${marks.clientExternalId}-${name}`,
  });
  const { candidatePhone, otherCandidatePhone } = marks;
  const batch = [given(candidatePhone, '1'), given(otherCandidatePhone, '2')].map((one) => ({ ...one, autoCallId }));
  const base = `${telephony}/autoCallCandidate`;
  const added = ok(await client.post(`${base}/batch`, { batch, forceStart: true })).json as { items: { id: string }[] };
  const single = { ...given(candidatePhone, '3'), autoCallId };
  const one = ok(await client.post(base, single)).json as { id: { identity: string } };
  ok(await client.post(`${base}/single`, { ...given(candidatePhone, '4'), botSettingsId: botId }));
  ok(await client.post(`${base}/single/batch`, { batch: [{ ...given(candidatePhone, '5'), botSettingsId: botId }] }));
  ok(await client.get(`${base}?autoCallId=${autoCallId}`));
  ok(await client.post(`${base}/cancel?autoCallId=${autoCallId}&phone=${encodeURIComponent(otherCandidatePhone)}`, ''));
  return [...added.items.map((item) => item.id), one.id.identity];
}

/** All that a platform can say of a call. */
function said(candidateId: string): object {
  return {
    direction: 'outbound',
    status: 'ANSWERED',
    startedAt: '2026-01-02T03:04:05Z',
    durationMs: 60_000,
    candidateId,
    participants: [{ role: 'customer', phone: `+1${marks.candidatePhone}`, email: marks.email, name: marks.person }],
    ownNumber: `+1${marks.ownNumber}`,
    botName: marks.botName,
    responder: marks.responder,
    results: { [marks.result]: marks.result },
    dialogResult: marks.result,
    redirect: { redirectAdditional: marks.redirect },
    transcript: [{ role: 'customer', text: marks.turn, startMs: 0, endMs: 900 }],
    logLink: `https://example.org/${marks.logLink}`,
    metadata: { [marks.metadataKey]: marks.metadata },
  };
}

async function archive(client: VendorClient, { candidateId, key }: { candidateId: string; key?: string }) {
  const body = formOf([callPart(said(candidateId)), recordingPart(markedAudio, 'audio/mpeg')]);
  const headers = { 'content-type': formType, ...(key !== undefined && { 'idempotency-key': key }) };
  return (ok(await client.send('/v1/calls', { headers, body }), 201).json as { id: string }).id;
}

/** A call of which everything comes later, some of it twice, and some in the place of what was there. */
async function lateParts(client: VendorClient, candidateId: string): Promise<string> {
  const { json } = ok(await client.post('/v1/calls', { startedAt: '2026-01-02T03:04:05Z', candidateId }), 201);
  const { id } = json as { id: string };
  const headers = { 'content-type': 'audio/mpeg' };
  await client.send(`/v1/calls/${id}/recording`, { method: 'PUT', headers, body: markedAudio });
  const transcript = [{ role: 'customer', text: marks.laterTurn }];
  for (const results of [{ [marks.result]: marks.result }, { [marks.laterResult]: marks.laterResult }]) {
    const body = JSON.stringify({ results, transcript });
    const answer = await client.send(`/v1/calls/${id}`, { method: 'PATCH', headers: asJson, body });
    expect(answer.status, answer.text).toBeLessThan(300);
  }
  return id;
}

/** Rows by everything that finds them, and the recordings that they link to. */
async function read(client: VendorClient, ids: readonly string[]): Promise<string[]> {
  const { candidatePhone, clientExternalId, botName, result } = marks;
  for (const filter of [`phone=${candidatePhone}`, `clientExternalId=${clientExternalId}-1`, `botName=${botName}`]) {
    ok(await client.get(`${search}/calls?${filter}&fields=id,messagesAsString,%0A recordPath`));
  }
  ok(await client.get(`${search}/sessions?dialogResult=${result}`));
  const { json } = ok(await client.get(`${search}/calls?id=${ids.join()}`));
  const rows = (json as { items: { recordPath: string | null }[] }).items;
  const links = rows.flatMap(({ recordPath }) => recordPath ?? []);
  for (const link of links) ok(await client.get(new URL(link).pathname));
  return links;
}

async function refusals(client: VendorClient, { task, call }: { task: string; call: string }): Promise<void> {
  const { badInput, candidatePhone, badToken } = marks;
  const base = `${telephony}/autoCallCandidate`;
  const bodies = [
    { name: [badInput] },
    { name: badInput, defaultExecData: badInput, additionalOptions: badInput },
    { phone: [badInput], autoCallId: task, variables: badInput, clientExternalId: [badInput] },
    { batch: [{ phone: [candidatePhone], autoCallId: badInput, timezone: badInput }], [badInput]: badInput },
    { skipDeleteRecord: badInput },
    `{"${badInput}`,
    `"${badInput}"`,
  ];
  const paths = [`${telephony}/autoCall`, base, `${base}/batch`, `${base}/single`, `${base}/single/batch`];
  const erasing = [`/cis/api/v1/calls/${call}/depersonalization`, `${base}/${task}/depersonalization`];
  for (const path of [...paths, ...erasing.slice(1)]) for (const body of bodies) await client.post(path, body);
  for (const body of bodies.slice(-3)) await client.post(erasing[0] ?? '', body);
  await client.post(`${base}/cancel?autoCallId=${badInput}&phone=${badInput}`, '');
  for (const query of [
    `${badInput}=1`,
    `phone=${badInput}&sort=${badInput}`,
    `from=${badInput}`,
    `limit=${badInput}`,
  ]) {
    await client.get(`${search}/calls?${query}`);
    await client.get(`${telephony}/autoCall?${query}`);
  }
  const records = [`records/${badToken}.mp3`, `calls/${badInput}/record`, `telephony/autoCall/${badInput}`];
  for (const path of records) await client.get(`/cis/api/v1/${path}`);
  await client.post(`/cis/api/v1/calls/${badInput}/depersonalization`, { skipDeleteRecord: true });
  await refusedCalls(client, call);
}

async function refusedCalls(client: VendorClient, call: string): Promise<void> {
  const { badInput, candidatePhone } = marks;
  const startedAt = '2026-01-02T03:04:05Z';
  const bodies: (object | string)[] = [
    { startedAt: badInput, participants: badInput },
    { startedAt, [badInput]: candidatePhone },
    { startedAt, participants: [{ [badInput]: badInput }], status: badInput, kind: badInput },
    { startedAt, candidateId: badInput, botId: badInput },
    { startedAt, candidateId: newId(1), taskId: newId(2), variables: badInput },
    { startedAt, transcript: [{ text: 1, role: badInput, startMs: badInput }], sessionId: '' },
    `{"startedAt": "${badInput}`,
  ];
  for (const body of bodies) {
    await client.post('/v1/calls', body);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    await client.send(`/v1/calls/${call}`, { method: 'PATCH', headers: asJson, body: text });
    await client.send('/v1/calls', { headers: { 'content-type': formType }, body: formOf([callPart(body)]) });
  }
  await client.send('/v1/calls', { headers: { ...asJson, 'idempotency-key': badInput.repeat(40) }, body: '{}' });
  const headers = { 'content-type': badInput };
  await client.send(`/v1/calls/${call}/recording`, { method: 'PUT', headers, body: markedAudio });
  await client.send(`/v1/calls/${badInput}/recording`, { method: 'PUT', headers: asJson, body: markedAudio });
}

/** Each of the three methods, in part and in whole, and what its platform sends afterwards. */
async function eraseAndComeLate(
  client: VendorClient,
  of: { call: string; other: string; bare: string; candidate: string },
): Promise<void> {
  const cis = '/cis/api/v1';
  ok(await client.post(`${cis}/calls/${of.call}/depersonalization`, { skipDeleteRecord: true }));
  ok(await client.post(`${telephony}/autoCallCandidate/${of.candidate}/depersonalization`, '{}'));
  ok(await client.send(`${cis}/calls/${of.bare}/record`, { method: 'DELETE' }));
  const body = JSON.stringify({ results: { late: marks.droppedEvent }, transcript: [{ text: marks.droppedEvent }] });
  for (const id of [of.call, of.other]) {
    const answer = await client.send(`/v1/calls/${id}`, { method: 'PATCH', headers: asJson, body });
    expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
  }
  const headers = { 'content-type': 'audio/mpeg' };
  for (const id of [of.other, of.bare]) {
    const answer = await client.send(`/v1/calls/${id}/recording`, { method: 'PUT', headers, body: markedAudio });
    expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
  }
  const late = await client.post('/v1/calls', said(of.candidate));
  expect(late.status, late.text).toBeGreaterThanOrEqual(400);
}
