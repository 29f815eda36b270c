import { expect } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { logIn } from '../../src/engine/access/user-tokens.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { type Scope, scopes, type Tenant } from '../../src/model/tenant.ts';
import { formOf, formType } from '../support/creovai-forms.ts';
import type { TestApp } from '../support/harness.ts';
import { callPart, recordingPart } from '../support/native-client.ts';
import { newUser } from '../support/twin-users.ts';
import type { Prepared } from './given.ts';
import type { Known } from './recorded-text.ts';
import type { Exchange, Given, GivenCandidate, GivenReport, GivenTask } from './recording.ts';

/** A bot of the platform's, which the campaigns of recordings have their calls made by. */
const botId = '7d0a3f5e-2b64-4c1d-9e8f-0a1b2c3d4e5f';
const phoneDefault = '79261234567';
let users = 0;

/** Makes a company of Twin24's with a user, and whatever an exchange takes for given, by requests to `origin`. */
export async function prepareTwin(
  app: TestApp,
  origin: string,
  { given = {}, scopes: allowed }: Exchange,
): Promise<Prepared> {
  const tenant = await createTenant(app.engine, { slug: `x-${Math.random().toString(36).slice(2)}`, region: 'RU' });
  const all = await userOf(app, tenant, scopes);
  const user = allowed === undefined ? all : await userOf(app, tenant, allowed);
  const known: Known = new Map([['origin', origin], ['botId', botId], ['companyId', String(tenant.number)], ...user]);
  const client = { tenant, app, token: all.get('token') ?? '', origin };
  await makeGiven(client, known, given);
  return { known, end: () => undefined };
}

/** A user with these scopes, logged in: everything that is known of them. */
async function userOf(app: TestApp, tenant: Tenant, allowed: readonly Scope[]): Promise<Known> {
  users += 1;
  const { user, email, password } = await newUser(app, {
    tenant,
    scopes: allowed,
    email: `user-${users}-${tenant.number}@example.org`,
  });
  const asked = { email, password, company: null, address: '192.0.2.1', lifeSeconds: 3600 };
  const { token, refreshToken } = await logIn(app.engine, asked);
  return new Map([
    ['userId', String(user.number)],
    ['email', email],
    ['password', password],
    ['token', token],
    ['refreshToken', refreshToken],
  ]);
}

/** Who makes what is given: somebody with every scope. */
type Maker = { app: TestApp; tenant: Tenant; token: string; origin: string };

async function makeGiven(maker: Maker, known: Known, { tasks = [], candidates = [], reports = [], held }: Given) {
  for (const task of tasks) known.set(`task:${task.name}`, await addTask(maker, task));
  for (const candidate of candidates) {
    known.set(`candidate:${candidate.clientExternalId}`, await addCandidate(maker, known, candidate));
  }
  for (const report of reports) known.set(`call:${report.externalId}`, await addReport(maker, known, report));
  if (held !== undefined) await hold(maker, known, held);
}

async function addTask(maker: Maker, { name, settings = {} }: GivenTask): Promise<string> {
  const body = {
    name,
    defaultExec: 'robot',
    defaultExecData: botId,
    secondExec: 'end',
    cidType: 'default',
    startType: 'manual',
    cps: '0.97',
    additionalOptions: { recordCall: true },
    redialStrategyOptions: { redialStrategyEn: false },
    ...settings,
  };
  const { id } = await post<{ id: { identity: string } }>(
    maker,
    '/cis/api/v1/telephony/autoCall',
    JSON.stringify(body),
  );
  return id.identity;
}

async function addCandidate(maker: Maker, known: Known, given: GivenCandidate): Promise<string> {
  const { clientExternalId, task, phone = [phoneDefault] } = given;
  const body = {
    autoCallId: meaning(known, `task:${task}`),
    clientExternalId,
    phone,
    variables: { '\u0438\u043c\u044f': '\u0410\u043d\u043d\u0430' },
    callbackData: { row: clientExternalId },
    timezone: 25_200,
  };
  const path = '/cis/api/v1/telephony/autoCallCandidate';
  const { id } = await post<{ id: { identity: string } }>(maker, path, JSON.stringify(body));
  return id.identity;
}

/** What a platform that has dialled tells through the native API. */
async function addReport(maker: Maker, known: Known, given: GivenReport): Promise<string> {
  const { externalId, candidate, recording = 'ID3', said = {} } = given;
  const call = {
    externalId,
    direction: 'outbound',
    status: 'ANSWERED',
    startedAt: '2024-03-01T10:00:00Z',
    endedAt: '2024-03-01T10:02:30Z',
    ...(candidate !== undefined && { candidateId: meaning(known, `candidate:${candidate}`) }),
    botId,
    botName: 'Survey bot',
    participants: [
      { role: 'customer', phone: phoneDefault },
      { role: 'bot', name: 'Survey bot' },
    ],
    ownNumber: '74950000000',
    price: 3.5,
    callbackData: { row: externalId },
    variables: { '\u0438\u043c\u044f': '\u0410\u043d\u043d\u0430' },
    results: { confirmation: 'yes', nps: 9 },
    dialogResult: 'agreed',
    transcript: [
      { role: 'bot', text: 'Is it convenient?', startMs: 0, endMs: 900 },
      { role: 'customer', text: 'Yes, this is Anna', startMs: 1000, endMs: 2400 },
    ],
    redirect: { additional: 'asked for a colleague', destination: 'ch', destinationId: '204' },
    logLink: 'https://platform.example/log/1',
    ...said,
  };
  const parts = [callPart(call)];
  if (recording !== '') parts.push(recordingPart(Buffer.from(recording, 'latin1'), 'audio/mpeg'));
  return (await post<{ id: string }>(maker, '/v1/calls', formOf(parts), formType)).id;
}

async function hold({ app, tenant }: Maker, known: Known, externalIds: readonly string[]): Promise<void> {
  const callIds = externalIds.map((externalId) => meaning(known, `call:${externalId}`));
  const none = { identifiers: [], from: null, to: null, reviewAt: null };
  await placeHold(app.engine, { ...app.caller(), tenant }, { ...none, callIds, reason: 'a case in court' });
}

/** Posts what must succeed. */
async function post<T>(
  { origin, token }: Maker,
  path: string,
  body: string | Buffer,
  type = 'application/json',
): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': type };
  const answer = await fetch(`${origin}${path}`, { method: 'POST', headers, body });
  const text = await answer.text();
  expect([200, 201], `${path} ${text}`).toContain(answer.status);
  // Each caller knows the answer of its route.
  return JSON.parse(text) as T;
}

function meaning(known: Known, name: string): string {
  const value = known.get(name);
  if (value === undefined) throw new Error(`the recording gives no ${name}`);
  return value;
}
