import type { Caller, Engine } from '../context.ts';

export async function depersonalizeCall(
  _e: Engine,
  _c: Caller,
  _id: string,
  _o: { keepRecording: boolean; waitMs: number },
): Promise<void> {}
export async function deleteRecording(_e: Engine, _c: Caller, _id: string, _o: { waitMs: number }): Promise<void> {}
export async function depersonalizeCandidate(
  _e: Engine,
  _c: Caller,
  _id: string,
  _o: { keepRecording: boolean; waitMs: number },
): Promise<void> {}
