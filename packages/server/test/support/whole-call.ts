/** A call of which everything is said, and the row that Twin24's clients see of it: whole, and erased in part. */
import { expect } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { PlatformSeed } from './platform-calls.ts';

export const botId = '6b1f3a52-7c1e-4c8e-9f58-1f6f0d6f1a11';
const taskId = newId(1_700_000_000_000);

/** All that a platform can say of a call. */
export const whole: PlatformSeed = {
  direction: 'outbound',
  dialStatus: 'ANSWERED',
  startedAt: Date.parse('2024-03-01T10:00:00Z'),
  endedAt: Date.parse('2024-03-01T10:01:05Z'),
  durationMs: 65_400,
  botId,
  taskId,
  details: {
    participants: [
      { role: 'bot', phone: '+7 495 000-00-00', email: null, name: null },
      { role: 'customer', phone: '+7 (999) 123-45-67', email: 'c@example.org', name: 'Casey' },
    ],
    variables: { city: 'Kazan', счёт: 12 },
    results: { confirmation: 'yes', evaluation: 5, nested: { list: [1] } },
    dialogResult: 'agreed',
    nps: 9,
    redirect: { redirectAdditional: 'vip', anons: 'a debtor', redirectDestination: 'ch', destinationId: '204' },
    logLink: 'https://platform.example/log/1',
    metadata: { x: 1 },
  },
  correlation: {
    externalId: 'order-77',
    callbackData: { trace: 'abc' },
    ownNumber: '+7 495 111-22-33',
    shortNumber: '204',
    taskName: 'Reminders',
    botName: 'Anna',
    responder: 'human',
    transferredToOperator: true,
    price: 1.25,
    regionId: 16,
    timezone: 10_800,
  },
  transcript: {
    turns: [
      { text: 'Hello', participant: null, role: 'bot', at: null, startMs: 0, endMs: 900, extra: {} },
      { text: 'Hi, Casey here', participant: null, role: 'client', at: null, startMs: 1000, endMs: null, extra: {} },
    ],
  },
  recording: { bytes: Buffer.alloc(5000, 'tone'), contentType: 'audio/mpeg' },
};

/** What a depersonalization leaves of it: the skeleton and what its client recognises it by. */
export const kept = {
  companyId: expect.any(Number),
  autoCallCandidateId: null,
  taskId,
  taskName: 'Reminders',
  botId,
  botName: 'Anna',
  clientExternalId: 'order-77',
  callbackData: { trace: 'abc' },
  callFrom: '74951112233',
  shortNumber: '204',
  isIncoming: false,
  type: 'OUTGOING',
  status: 'ANSWERED',
  currentStatusName: 'ANSWERED',
  responder: 'human',
  transferredToOperator: true,
  duration: 65,
  mainCallDuration: null,
  robotCallDuration: null,
  price: 1.25,
  regionId: 16,
  timezone: 10_800,
  createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  updatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  startedAt: '2024-03-01T10:00:00.000Z',
  finishedAt: '2024-03-01T10:01:05.000Z',
};

/** What a depersonalization erases, but for the recording. */
export const personal = {
  phone: '79991234567',
  number: '79991234567',
  callTo: '79991234567',
  redirectAdditional: 'vip',
  redirectAnons: 'a debtor',
  redirectDestination: 'ch',
  redirectDestinationId: '204',
  variables: { city: 'Kazan', счёт: 12 },
  variablesString: '{"city":"Kazan","счёт":12}',
  result: { confirmation: 'yes', evaluation: 5, nested: { list: [1] } },
  results: { confirmation: 'yes', evaluation: 5, nested: { list: [1] } },
  resultsString: '{"confirmation":"yes","evaluation":5,"nested":{"list":[1]}}',
  dialogResult: 'agreed',
  nps: 9,
  confirmation: 'yes',
  evaluation: 5,
  messages: [
    { role: 'bot', text: 'Hello', startMs: 0, endMs: 900, createdAt: null, metadata: {} },
    { role: 'client', text: 'Hi, Casey here', startMs: 1000, endMs: null, createdAt: null, metadata: {} },
  ],
  messagesAsString: 'bot: Hello\nclient: Hi, Casey here',
  linkToLog: 'https://platform.example/log/1',
};

/** The same where it was erased, or never said. */
export const nothing = {
  phone: null,
  number: null,
  callTo: null,
  redirectAdditional: null,
  redirectAnons: null,
  redirectDestination: null,
  redirectDestinationId: null,
  variables: {},
  variablesString: null,
  result: {},
  results: {},
  resultsString: null,
  dialogResult: null,
  nps: null,
  confirmation: null,
  evaluation: null,
  messages: [],
  messagesAsString: null,
  linkToLog: null,
};
/** A link to its recording, under `TACET_PUBLIC_URL=https://twin.example/archive`. */
export const recordPath = expect.stringMatching(
  /^https:\/\/twin\.example\/archive\/cis\/api\/v1\/records\/[\w.-]+\.mp3$/,
);
