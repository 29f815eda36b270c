import type { Content } from './universe.ts';

/** A deed with everything chosen: what both the archive and the model are asked. `no` and `handle` are never used twice. */
export type Act =
  | ({ do: 'upload' } & NewUpload)
  | ({ do: 'begin' } & NewUpload)
  | { do: 'finish'; handle: number }
  | { do: 'abort'; handle: number }
  | { do: 'drain'; handle: number }
  | { do: 'purge'; no: number; tenant: number; subject: Subject; isWhatIf: boolean }
  | {
      do: 'erase';
      no: number;
      tenant: number;
      action: 'depersonalize' | 'delete-recording';
      keepRecording: boolean;
      ids: string[];
    }
  | { do: 'hold'; no: number; tenant: number; ids: string[]; phone: number | null; range: number }
  | { do: 'release'; tenant: number; id: string }
  | { do: 'status'; tenant: number; sessions: string[] }
  | { do: 'play'; tenant: number; id: string; from: number; part: number }
  | { do: 'open'; handle: number; tenant: number; id: string }
  | { do: 'find'; tenant: number; phone: number; form: number }
  | { do: 'upkeep' }
  | { do: 'work' };

type NewUpload = { handle: number; tenant: number; content: Content; isDataFirst: boolean };

/** How a purge names its calls. */
export type Subject =
  | { by: 'calls'; ids: string[] }
  | { by: 'sessions'; ids: string[] }
  | { by: 'phone'; phone: number; form: number };

/** The act of one kind. */
export type ActOf<Do extends Act['do']> = Extract<Act, { do: Do }>;
