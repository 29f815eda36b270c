import type { Clock } from '../lib/clock.ts';

/** The part of a terminal, or of whatever standard error is, that progress needs. */
export type ProgressStream = { write(text: string): unknown; isTTY?: boolean | undefined };

const everyMs = 1000;

/** How far something long has come: on a terminal one line that changes, at most once a second; elsewhere nothing. */
export class Progress {
  readonly #stream: ProgressStream;
  readonly #isShown: boolean;
  readonly #clock: Clock;
  #shownAt: number | undefined;

  constructor(stream: ProgressStream, options: { isShown: boolean; clock: Clock }) {
    this.#stream = stream;
    this.#isShown = options.isShown && stream.isTTY === true;
    this.#clock = options.clock;
  }

  show(at: { doneBytes: number; totalBytes: number }): void {
    const now = this.#clock.now();
    if (!this.#isShown || (this.#shownAt !== undefined && now - this.#shownAt < everyMs)) return;
    this.#shownAt = now;
    this.#stream.write(`\r\x1b[Kcopied ${inMiB(at.doneBytes)} of about ${inMiB(at.totalBytes)} MiB`);
  }

  /** Clears the line that changes. */
  end(): void {
    if (this.#shownAt !== undefined) this.#stream.write('\r\x1b[K');
    this.#shownAt = undefined;
  }

  /** One line that stays, wherever it goes. */
  say(line: string): void {
    this.#stream.write(`${line}\n`);
  }
}

function inMiB(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
