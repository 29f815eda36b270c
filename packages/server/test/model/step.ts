import type { Predicted } from './agreement.ts';
import type { Artifact, World } from './world.ts';

/** One thing that a purge named. */
export type Named = { is: 'call' | 'erasing' | 'gone' | 'unknown'; no: number | null; asked: string | null };

/** What an act remembers between its steps. */
export type Local = {
  answer?: Predicted;
  named?: Named[];
  /** Calls by number: a list that a step looked up for a later one. */
  nos?: number[];
  purging?: number[];
  held?: number[];
  sessions?: Record<number, string>;
  /** Of an erasure's items: whether there was something to destroy. */
  outcomes?: Record<number, string>;
  /** The call that has an upload's session already. */
  twin?: number;
  /** What of the twin was there when it was compared. */
  compared?: { has: Artifact[]; isSame: boolean };
};

/** Where a step stands. It changes `world` and `local`, both its own. */
export type Here<Act> = { world: World; act: Act; local: Local };

/** What one instant of an act does; acts side by side interleave by steps. `stay`: it has more of the same to do. */
export type Step<Act> = (here: Here<Act>) => 'stay' | 'end' | undefined;
