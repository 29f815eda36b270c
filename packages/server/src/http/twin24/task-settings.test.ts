import { describe, expect, test } from 'vitest';
import { shownSettings } from './task-settings.ts';

const bare = { additionalOptions: {}, redialStrategyOptions: {}, webhookUrls: [] };

describe('the settings of a task are shown', () => {
  test.each([
    ['0.97', 0.97],
    [' 1.05 ', 1.05],
    [2, 2],
    ['', null],
    ['fast', null],
    [true, null],
    [null, null],
  ])('with cps %j as %j', (cps, expected) => {
    expect(shownSettings({ cps })).toEqual({ ...bare, cps: expected });
  });

  test.each([
    [true, 1],
    [false, 0],
    [3, 3],
    ['3', 3],
    [2.9, 2],
    ['', null],
    [{}, null],
  ])('with recTrimLeft %j as %j, beside the other options', (recTrimLeft, expected) => {
    const additionalOptions = { recordCall: 1, fullListTime: '5', recTrimLeft };
    expect(shownSettings({ additionalOptions })).toEqual({
      ...bare,
      additionalOptions: { recordCall: 1, fullListTime: '5', recTrimLeft: expected },
    });
  });

  test.each([
    [[], []],
    [null, []],
    [{}, []],
    ['https://a.example', [{ url: 'https://a.example' }]],
    [['https://a.example', ''], [{ url: 'https://a.example' }]],
    [[{ url: 'u', delay: 5, events: {} }, 7], [{ url: 'u', delay: 5, events: {} }]],
    [{ url: 'u' }, [{ url: 'u' }]],
  ])('with webhookUrls %j as a list of objects', (webhookUrls, expected) => {
    expect(shownSettings({ webhookUrls })).toEqual({ ...bare, webhookUrls: expected });
  });

  test('with options that are empty arrays, null or absent as empty objects, and the rest as it came', () => {
    const came = { lifetime: '3600', scheduleId: 7, callbackData: [] };
    expect(shownSettings({ additionalOptions: [], redialStrategyOptions: null, ...came })).toEqual({
      ...bare,
      ...came,
    });
    expect(shownSettings({})).toEqual(bare);
  });
});
