import { describe, expect, test } from 'vitest';
import { readBatch, readCandidate, readSingleCall, startsNow } from './candidate-body.ts';

const botId = '3f2b1c7e-0000-4000-8000-00000000000a';
const taskId = '01900000-0000-7000-8000-000000000000';
const nothing = {
  callbackData: null,
  clientExternalId: null,
  timezone: null,
  checkPhone: null,
  autoCallTemplateId: null,
};

describe('a candidate', () => {
  test('keeps what was said of the person, the number as its client wrote it', () => {
    const given = {
      autoCallId: taskId,
      botSettingsId: botId.toUpperCase(),
      phone: '+7 912 000-00-00',
      variables: { имя: 'Анна' },
      callbackData: [],
      clientExternalId: 'crm',
      timezone: 25_200,
      checkPhone: 'yes',
    };
    expect(readCandidate(given)).toEqual({
      taskId,
      botId,
      details: { phones: [given.phone], variables: given.variables },
      correlation: { ...nothing, callbackData: [], clientExternalId: 'crm', timezone: 25_200, checkPhone: 'yes' },
    });
  });

  test.each([
    [{ variables: [] }, { variables: {} }],
    [{ variables: null }, { variables: {} }],
    [{ phone: [79120000000] }, { phones: ['79120000000'] }],
    [{ phone: ['\u0661\u0662'] }, { phones: ['\u0661\u0662'] }],
  ])('with %j has %j', (change, details) => {
    const candidate = readCandidate({ autoCallId: taskId, phone: ['1'], ...change });
    expect(candidate.details).toMatchObject(details);
  });

  test.each([
    [{ clientExternalId: 0 }, { clientExternalId: '0' }],
    [{ clientExternalId: '' }, { clientExternalId: null }],
    [{ timezone: '25200' }, { timezone: 25_200 }],
    [{ timezone: '' }, { timezone: null }],
    [{ timezone: -3600 }, { timezone: -3600 }],
    [{ checkPhone: false }, { checkPhone: false }],
    [{ checkPhone: 1 }, { checkPhone: 1 }],
    [{ checkPhone: 'BY_REGION' }, { checkPhone: 'BY_REGION' }],
  ])('with %j is recognised by %j', (change, correlation) => {
    const candidate = readCandidate({ autoCallId: taskId, phone: ['1'], ...change });
    expect(candidate.correlation).toEqual({ ...nothing, ...correlation });
  });

  test.each([
    { phone: '' },
    { phone: [''] },
    { phone: [1.5] },
    { phone: [-1] },
    { phone: [null] },
    { phone: true },
    { clientExternalId: 'x'.repeat(513) },
    { clientExternalId: '\ud800' },
    { timezone: '1e3' },
    { timezone: true },
    { checkPhone: {} },
    { checkPhone: '' },
    { checkPhone: '+15125550142' },
    { checkPhone: 'Casey Jones' },
    { checkPhone: 'x'.repeat(33) },
    { checkPhone: 'yes\n' },
    { checkPhone: 15125550142 },
    { checkPhone: 1.5 },
    { callbackData: [1] },
    { autoCallTemplateId: 'template' },
  ])('with %j is refused', (change) => {
    const given = { autoCallId: taskId, phone: ['1'], ...change };
    expect(() => readCandidate(given)).toThrow(expect.objectContaining({ code: 'input_invalid' }));
  });
});

test('a single call names its bot, and the template in which its task is made', () => {
  const given = { botSettingsId: botId, autoCallTemplateId: taskId, phone: ['1'] };
  const candidate = readSingleCall(given);
  expect(candidate).toMatchObject({ botId, templateId: taskId, correlation: { autoCallTemplateId: taskId } });
  expect(readSingleCall({ botSettingsId: botId, phone: ['1'] }).templateId).toBeNull();
  expect(() => readSingleCall({ phone: ['1'] })).toThrow('botSettingsId is required');
});

test('a complaint about a batch names the place', () => {
  const batch = [{ autoCallId: taskId, phone: '1' }, { autoCallId: taskId }];
  expect(() => readBatch({ batch }, readCandidate)).toThrow('batch[1].phone is required');
  expect(readBatch({ batch: batch.slice(0, 1) }, readCandidate)).toHaveLength(1);
});

test.each([
  [{}, false],
  [{ forceStart: null }, false],
  [{ forceStart: false }, false],
  [{ forceStart: 0 }, false],
  [{ forceStart: true }, true],
  [{ forceStart: 1 }, true],
])('%j starts a task: %s', (body, isStarting) => {
  expect(startsNow(body)).toBe(isStarting);
});

test('a start is asked for in no other words', () => {
  for (const forceStart of ['true', 2, []]) expect(() => startsNow({ forceStart })).toThrow('must be true or false');
});
