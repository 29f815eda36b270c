import { expect, test } from 'vitest';
import { lackingIn } from './levelling.ts';
import { fileName } from './vault-files.ts';

const name = (generation: number) => ({ id: String(generation).padStart(32, '0'), generation });
const key = (generation: number) => fileName('key', name(generation));
const locked = (generation: number) => fileName('locked', name(generation));
const segment = (generation: number) => fileName('segment', name(generation));
const head = (generation: number) => fileName('head', name(generation));

const whole = new Set(['archive', key(3), key(4), segment(3), segment(4), head(3), head(4)]);

test('a folder that has everything lacks nothing', () => {
  expect(lackingIn(whole, [whole, whole])).toEqual([]);
});

test('a folder with nothing but the archive file is given all, keys first and heads last', () => {
  expect(lackingIn(new Set(['archive']), [whole, new Set(['archive'])])).toEqual([
    key(3),
    key(4),
    segment(3),
    segment(4),
    head(3),
    head(4),
  ]);
});

test('temporary files, files of nobody and the archive file are never copied', () => {
  const other = new Set(['archive', `${key(1)}.00ff.tmp`, `${key(1)}.gone.tmp`, 'lost+found', 'key-1-x']);
  expect(lackingIn(new Set(), [new Set(), other])).toEqual([]);
});

test('a key that was destroyed here does not come back from a folder in which it lingers', () => {
  const stale = new Set(['archive', key(1), head(1)]);
  expect(lackingIn(whole, [whole, stale])).toEqual([head(1)]);
  expect(lackingIn(stale, [whole, stale])).toEqual([key(3), key(4), segment(3), segment(4), head(3), head(4)]);
  const lingering = new Set(['archive', locked(2)]);
  expect(lackingIn(whole, [whole, lingering])).toEqual([]);
});

test('a key that has just been drawn and has not come here yet is copied', () => {
  const ahead = new Set([...whole, key(5), segment(5)]);
  expect(lackingIn(whole, [ahead, whole])).toEqual([key(5), segment(5)]);
});

test('a levelling cut short anywhere goes on where it stopped', () => {
  const target = new Set(['archive', head(1), key(1)]);
  const wanted = lackingIn(target, [whole, target]);
  for (let done = 0; done <= wanted.length; done += 1) {
    const begun = new Set([...target, ...wanted.slice(0, done)]);
    expect(lackingIn(begun, [whole, begun])).toEqual(wanted.slice(done));
  }
});

test('a key that is locked anywhere is never copied as it was, and its locked file goes to all that have it still', () => {
  const done = new Set(['archive', locked(3), key(4), head(4)]);
  const behind = new Set(['archive', key(3), key(4), head(4)]);
  expect(lackingIn(behind, [done, behind])).toEqual([locked(3)]);
  expect(lackingIn(done, [done, behind])).toEqual([]);
});
