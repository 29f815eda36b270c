import { expect, test } from 'vitest';
import { Progress } from './progress.ts';

function terminal(isTTY: boolean) {
  let now = 0;
  const written: string[] = [];
  const stream = { isTTY, write: (text: string) => written.push(text) };
  return { stream, written, clock: { now: () => now }, lapse: (ms: number) => (now += ms) };
}

const halfWay = { doneBytes: 2 ** 20, totalBytes: 2 ** 21 };

test('progress is one line on a terminal, written anew at most once a second and cleared in the end', () => {
  const { stream, written, clock, lapse } = terminal(true);
  const progress = new Progress(stream, { isShown: true, clock });
  for (let i = 0; i < 25; i += 1) {
    progress.show(halfWay);
    lapse(100);
  }
  expect(written).toHaveLength(3);
  expect(written[0]).toContain('copied 1.0 of about 2.0 MiB');
  progress.end();
  progress.say('done');
  expect(written.slice(3)).toEqual(['\r\x1b[K', 'done\n']);
});

test.each([
  ['no terminal', false, true],
  ['not asked for', true, false],
])('progress that has %s says nothing before its last line', (_, isTTY, isShown) => {
  const { stream, written, clock } = terminal(isTTY);
  const progress = new Progress(stream, { isShown, clock });
  progress.show(halfWay);
  progress.end();
  progress.say('done');
  expect(written).toEqual(['done\n']);
});
