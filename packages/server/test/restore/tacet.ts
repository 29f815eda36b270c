import { expect } from 'vitest';
import { startTacet } from '../support/tacet-process.ts';
import type { Stage } from './stage.ts';

/** Runs a command on a stage's home that must succeed, and returns its JSON. */
export async function tacet(stage: Stage, args: readonly string[], env: Record<string, string> = {}): Promise<unknown> {
  const ended = await startTacet([...args, '--json'], { ...stage.env, ...env }).ended;
  expect(ended.code, ended.errors).toBe(0);
  return JSON.parse(ended.output);
}

/** Runs a command that must be refused with this exit code, and returns what it says. Nothing of the stage may change. */
export async function refused(
  stage: Stage,
  args: readonly string[],
  code: number,
  env: Record<string, string> = {},
): Promise<string> {
  const before = stage.digests();
  const ended = await startTacet(args, { ...stage.env, ...env }).ended;
  expect(ended.code, ended.errors).toBe(code);
  expect(stage.digests(), 'the files of home and vault').toEqual(before);
  return ended.errors;
}
