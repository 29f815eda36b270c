import { expect, test } from 'vitest';
import { readTaskBody, settingsBytesMax } from './task-body.ts';

const botId = '3F2B1C7E-0000-4000-8000-00000000000a';

test('a task is its name, its bot in lower case, and everything else as it was given', () => {
  const settings = { defaultExecData: botId, cps: '0.97', additionalOptions: [], webhookUrls: [], __proto: 1 };
  expect(readTaskBody({ name: ' a ', ...settings })).toEqual({ name: ' a ', settings, botId: botId.toLowerCase() });
  expect(readTaskBody({ name: 'a' })).toEqual({ name: 'a', settings: {}, botId: null });
});

test.each([
  {},
  { name: '' },
  { name: null },
  { name: ['a'] },
  { name: 'a', startType: 1 },
  { name: 'a', startType: 'never' },
  { name: 'a', defaultExecData: 'robot' },
  { name: 'a', additionalOptions: true },
  { name: 'a', redialStrategyOptions: [1] },
])('%j is no task', (body) => {
  expect(() => readTaskBody(body)).toThrow(expect.objectContaining({ code: 'input_invalid' }));
});

test('the settings are measured in bytes, not in characters', () => {
  const fitting = 'ж'.repeat((settingsBytesMax - 40) / 2);
  expect(readTaskBody({ name: 'a', taskComment: fitting }).settings['taskComment']).toBe(fitting);
  const tooMuch = { name: 'a', taskComment: `${fitting}${'ж'.repeat(40)}` };
  expect(() => readTaskBody(tooMuch)).toThrow(expect.objectContaining({ code: 'upload_too_large' }));
});
