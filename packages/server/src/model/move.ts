/**
 * What a database says of a move of its archive to another one; most databases say nothing.
 *
 * - `arriving`: a move fills it, and has not come to its end. Nobody but that move may open it.
 * - `arrived`: a move has filled it; it is the archive's database like any other.
 * - `moved`: the archive has left it for good. It is closed for writes, and nobody may open it.
 */
export type MoveMark = {
  /** Of the move: the same in the database that the archive leaves and in the one that it goes to. */
  id: string;
  archiveId: string;
  state: 'arriving' | 'arrived' | 'moved';
  /** The other database, as an operator knows it, without credentials. */
  place: string;
  at: number;
};

/** A recording that was stored to its end, as the rows name it. */
export type NamedBlob = { slot: number; name: string; sizeBytes: number };
