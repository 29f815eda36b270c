/** Both vendors' journeys over two servers: what is asked of the one is read, erased and asked again at the other. */
import { expect } from 'vitest';
import { namedBy } from '../support/creovai-bodies.ts';
import { formOf, formType } from '../support/creovai-forms.ts';
import { marks } from '../support/marks.ts';
import { callPart, recordingPart } from '../support/native-client.ts';
import { until } from '../support/until.ts';
import type { VendorAnswer, VendorClient } from '../support/vendor-client.ts';

const iam = '/iam/api/v1';
const cis = '/cis/api/v1';
const telephony = `${cis}/telephony`;
const audio = Buffer.from(marks.audio.repeat(5000));

export type Pair = readonly [one: VendorClient, other: VendorClient];

/** A user's login as its program sends it. */
export type Login = { email: string; password: string };

function ok(answer: VendorAnswer, status = 200): VendorAnswer {
  expect(answer.status, answer.text).toBe(status);
  return answer;
}

/** Creovai's calls, the ids of which are given in the order in which `purgeCreovai` erases them; the last stays. */
export async function archiveCreovai([one, other]: Pair): Promise<string[]> {
  const name = (session: string, phone: string) => ({
    ...namedBy('', '', `+1${phone}`),
    ...{ session, master: marks.master, case: marks.case, collection: marks.collection, email: marks.email },
  });
  const calls = [name(marks.session, marks.phone), name(`${marks.session}-2`, marks.otherPhone)];
  calls.push(name(marks.keptSession, marks.dialled));
  const ids: string[] = [];
  for (const [i, named] of calls.entries()) {
    const person = {
      firstName: marks.firstName,
      lastName: marks.lastName,
      phoneNumber: named.phone,
      email: marks.email,
    };
    const participants = [{ ...person, referenceId: marks.reference, type: 'Customer', channel: 0 }];
    const change = { participants, metadata: { [marks.metadataKey]: marks.metadata } };
    const at = i % 2 === 0 ? one : other;
    ids.push(await at.archived('/capture/v2/call', named, change, audio));
    const metadata = { [marks.eventKey]: marks.appliedEvent };
    await (at === one ? other : one).asked('/capture/v2/outofband/interaction', named, { metadata });
  }
  for (const [i, id] of ids.entries()) {
    const at = i % 2 === 0 ? other : one;
    const shown = ok(await at.get(`/interactions/v2/${id}`)).text;
    for (const mark of [marks.firstName, marks.metadata, marks.appliedEvent]) expect(shown).toContain(mark);
    expect(ok(await at.get(`/interactions/v2/${id}/audio.mp3`)).bytes.equals(audio)).toBe(true);
  }
  return ids;
}

/** By session, after a what-if, at one server; by phone at the other. Each of them says the same at once. */
export async function purgeCreovai([one, other]: Pair, [bySession, byPhone]: readonly string[]): Promise<void> {
  const { phone, otherPhone } = marks;
  const whatIf = ok(await other.post('/purge/v1/calls/customer?whatIf=true', { phoneNumber: `(212) 555-9148` })).json;
  expect(whatIf).toMatchObject({ items: [{ callId: byPhone, status: 'WhatIf' }] });
  expect(await other.purged(marks.session)).toMatchObject([{ id: bySession, status: 'Purging' }]);
  expect((await one.get(`/interactions/v2/${bySession}`)).status).toBe(404);
  const purged = ok(await one.post('/purge/v1/calls/customer', { phoneNumber: `+1 ${otherPhone}` })).json;
  expect(purged).toMatchObject({ items: [{ callId: byPhone, status: 'Purging' }] });
  for (const at of [one, other]) {
    expect((await at.get(`/interactions/v2/${byPhone}/audio.mp3`)).status).toBe(404);
    await until(async () => (await at.statusOf(marks.session)) === 'NotFound');
    await until(async () => (await at.statusOf(`${marks.session}-2`)) === 'NotFound');
    expect(await at.statusOf(marks.keptSession)).toBe('Complete');
    const nobody = ok(await at.post('/purge/v1/calls/customer?whatIf=true', { phoneNumber: `+1${phone}` }));
    expect(nobody.json).toMatchObject({ items: [] });
  }
}

/** Logs in at the first server and refreshes at the second; each token is good at both. */
export async function logInOverBoth([one, other]: Pair, login: Login): Promise<void> {
  const given = ok(await one.post(`${iam}/auth/login`, login)).json as { token: string; refreshToken: string };
  const again = ok(await other.post(`${iam}/auth/refresh`, { refreshToken: given.refreshToken })).json as typeof given;
  for (const { token } of [given, again]) {
    const headers = { authorization: `Bearer ${token}` };
    for (const at of [one, other]) ok(await at.send(`${iam}/users/me`, { method: 'GET', headers }));
  }
}

/** A campaign of four calls, made and reported at turns; ids of the calls. */
export async function liveTwinCampaign([one, other]: Pair): Promise<{ candidate: string; calls: string[] }> {
  const settings = { defaultExec: 'robot', defaultExecData: '6b1f3a52-7c1e-4c8e-9f58-1f6f0d6f1a11', cps: '0.97' };
  const task = ok(await one.post(`${telephony}/autoCall`, { name: marks.taskName, ...settings })).json;
  const { identity: autoCallId } = (task as { id: { identity: string } }).id;
  const person = {
    autoCallId,
    phone: [`+1${marks.candidatePhone}`],
    variables: { [marks.variableKey]: marks.variable },
  };
  const added = ok(await other.post(`${telephony}/autoCallCandidate`, person)).json;
  const { identity: candidate } = (added as { id: { identity: string } }).id;
  const calls: string[] = [];
  for (const [i, at] of [one, other, one, other].entries()) {
    const said = reported(i === 3 ? { candidateId: candidate } : {});
    const body = formOf([callPart(said), recordingPart(audio, 'audio/mpeg')]);
    const { json } = ok(await at.send('/v1/calls', { headers: { 'content-type': formType }, body }), 201);
    calls.push((json as { id: string }).id);
  }
  for (const id of calls) expect(ok(await rowOf(other, id)).text).toContain(marks.turn);
  return { candidate, calls };
}

function reported(more: object): object {
  return {
    ...{ direction: 'outbound', status: 'ANSWERED', startedAt: '2026-01-02T03:04:05Z', durationMs: 60_000 },
    participants: [{ role: 'customer', phone: `+1${marks.candidatePhone}`, email: marks.email, name: marks.person }],
    ...{ botName: marks.botName, results: { [marks.result]: marks.result }, dialogResult: marks.result },
    transcript: [{ role: 'customer', text: marks.turn, startMs: 0, endMs: 900 }],
    ...more,
  };
}

async function rowOf(at: VendorClient, id: string): Promise<VendorAnswer> {
  return await at.get(`/analyse/api/v1/search/cis/calls?id=${id}`);
}

/** All of a call, all but its audio, its audio alone, and a candidate with its call: each at the server that did not take it. */
export async function eraseTwinCampaign(
  [one, other]: Pair,
  { candidate, calls }: { candidate: string; calls: readonly string[] },
): Promise<void> {
  const [whole = '', withAudio = '', audioAlone = '', ofCandidate = ''] = calls;
  ok(await other.post(`${cis}/calls/${whole}/depersonalization`, { skipDeleteRecord: false }));
  ok(await one.post(`${cis}/calls/${withAudio}/depersonalization`, { skipDeleteRecord: true }));
  ok(await other.send(`${cis}/calls/${audioAlone}/record`, { method: 'DELETE' }));
  ok(await one.post(`${telephony}/autoCallCandidate/${candidate}/depersonalization`, { skipDeleteRecord: false }));
  for (const at of [one, other]) {
    for (const id of [whole, withAudio, ofCandidate]) {
      const { text } = ok(await rowOf(at, id));
      for (const mark of [marks.turn, marks.result, marks.candidatePhone]) expect(text).not.toContain(mark);
    }
    expect(ok(await rowOf(at, audioAlone)).text).toContain(marks.turn);
    for (const id of [whole, audioAlone, ofCandidate]) {
      expect((await at.get(`/v1/calls/${id}/recording`)).status).toBe(404);
    }
    expect(ok(await at.get(`/v1/calls/${withAudio}/recording`)).bytes.equals(audio)).toBe(true);
  }
}
