import type { Transcript } from '../../src/engine/archive/new-call.ts';

/** A transcript of one turn. */
export function spokenOnce(text: string): Transcript {
  return { turns: [{ text, participant: 0, role: null, at: null, startMs: 0, endMs: 900, extra: {} }] };
}
