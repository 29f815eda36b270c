import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scopes } from '../../src/model/tenant.ts';
import { audio, formType, holdings } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { callPart, expectProblem, NativeClient, recordingPart, startedAt } from '../support/native-client.ts';

let app: TestApp;
let client: NativeClient;

beforeAll(async () => {
  app = await startApp();
  client = new NativeClient(app, await app.token(['calls:write', 'calls:read']));
});
afterAll(async () => await app.close());

describe('of a request that is refused nothing stays:', () => {
  const odd = { headers: ['Content-Disposition: form-data; name="Recording"'], body: audio };
  const form =
    (...parts: Parameters<typeof client.form>[0]) =>
    async () =>
      await client.form(parts);

  test.each([
    ['no call', form(recordingPart(audio)), 'The part call is missing'],
    ['nothing', form(), 'The part call is missing'],
    ['two calls', form(callPart({ startedAt }), callPart({ startedAt })), 'The part call is repeated'],
    [
      'two recordings',
      form(recordingPart(audio), callPart({ startedAt }), recordingPart(audio)),
      'The part recording is repeated',
    ],
    [
      'a recording of no bytes',
      form(callPart({ startedAt }), recordingPart(Buffer.alloc(0))),
      'The part recording is empty',
    ],
    [
      'a part of another name',
      form(callPart({ startedAt }), odd),
      'The form has a part that is not known; known are call and recording',
    ],
    ['a bad call after its recording', form(recordingPart(audio), callPart({})), 'startedAt is required'],
    ['no JSON', form(callPart('{"startedAt": ')), 'The part call must be JSON in UTF-8'],
    [
      'no UTF-8',
      async () =>
        await client.send('POST', '/v1/calls', Buffer.from([0x22, 0xff, 0x22]), { 'content-type': 'application/json' }),
      'The body must be JSON in UTF-8',
    ],
    [
      'an unknown field',
      async () => await client.archiveJson({ startedAt, phone: '+15125550142' }),
      /^The call has a field that is not known; known are .*participants/,
    ],
    ['no body', async () => await client.archiveJson(''), 'The body must be JSON in UTF-8'],
    [
      'a form that has no boundary',
      async () => await client.send('POST', '/v1/calls', 'x', { 'content-type': 'multipart/form-data' }),
      /boundary/,
    ],
    [
      'a malformed candidate',
      async () => await client.archiveJson({ startedAt, candidateId: '+15125550142' }),
      'candidateId is not the id of any that there is',
    ],
    [
      'an unknown task',
      async () =>
        await client.archive(
          { startedAt, taskId: '01900000-0000-7000-8000-000000000000' },
          { recording: audio, isRecordingFirst: true },
        ),
      'taskId is not the id of any that there is',
    ],
  ])('%s', async (_what, ask, detail) => {
    const before = await holdings(app);
    expectProblem(await ask(), 400, 'input_invalid', detail);
    expect(await holdings(app)).toEqual(before);
  });

  test('a form that is cut off', async () => {
    const before = await holdings(app);
    const whole = Buffer.from(
      `--b0undary\r\nContent-Disposition: form-data; name="recording"\r\n\r\n${'a'.repeat(50_000)}`,
    );
    const answer = await client.send('POST', '/v1/calls', whole, { 'content-type': formType });
    expectProblem(answer, 400, 'upload_cut');
    expect(await holdings(app)).toEqual(before);
  });

  test('a call that is nested too deep, too complex or too long', async () => {
    const deep = `{"startedAt":"${startedAt}","results":${'['.repeat(64)}${']'.repeat(64)}}`;
    expectProblem(await client.archiveJson(deep), 400, 'input_invalid', /nested deeper/);
    const complex = `{"startedAt":"${startedAt}","results":[${'1,'.repeat(200_000)}1]}`;
    expectProblem(await client.archiveJson(complex), 400, 'input_invalid', /too complex/);
    const long = `{"startedAt":"${startedAt}","results":"${'a'.repeat(16 * 1024 * 1024)}"}`;
    expectProblem(await client.archiveJson(long), 413, 'upload_too_large');
    expectProblem(await client.form([callPart(long)]), 413, 'upload_too_large');
  });
});

describe('who archives', () => {
  test('needs calls:write, and hears so before anything is read', async () => {
    const reader = new NativeClient(app, await app.token(scopes.filter((scope) => scope !== 'calls:write')));
    expectProblem(await reader.archiveJson('no JSON'), 403, 'scope_missing', /calls:write/);
    expectProblem(await reader.form([]), 403, 'scope_missing');
  });

  test('needs a token', async () => {
    const answer = await new NativeClient(app, 'nonsense').archiveJson({ startedAt });
    expectProblem(answer, 401, 'token_invalid');
  });
});
