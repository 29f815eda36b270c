import { type Clock, steadyMs } from './clock.ts';

/**
 * One reading of another machine's clock, in ms: it showed `theirs` at some moment between `askedAt` and `answeredAt`, both in
 * steady time of this process.
 */
export type ClockReading = { askedAt: number; theirs: number; answeredAt: number };

/**
 * Another machine's clock, kept between two looks at it in steady time: whoever sets the clock of this machine moves it by
 * nothing. All that follow one clock agree as closely as their readings were quick.
 *
 * Each reading bounds how far that clock can be from ours (Cristian, "Probabilistic clock synchronization", 1989). What we
 * took it for is kept as long as it lies within the bounds, so that a slow answer moves nothing and a quick one puts it right.
 */
export class FollowedClock implements Clock {
  #aheadMs: number | undefined;

  /** Where a reading shows that time has been told wrong, it is right from here on; it may then go back. */
  note({ askedAt, theirs, answeredAt }: ClockReading): void {
    const [least, most] = [theirs - answeredAt, theirs - askedAt];
    const known = this.#aheadMs ?? (least + most) / 2;
    this.#aheadMs = Math.min(Math.max(known, least), most);
  }

  /** This machine's own time as long as nothing was read. */
  now(): number {
    return this.#aheadMs === undefined ? Date.now() : Math.floor(steadyMs() + this.#aheadMs);
  }
}
