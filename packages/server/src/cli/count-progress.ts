import { steadyMs } from '../lib/clock.ts';
import type { ProgressStream } from './progress.ts';

/** How often is told how far something has come: on a terminal, in one line that changes; elsewhere, in lines of their own. */
const everyMs = { terminal: 500, elsewhere: 10_000 };

/** What is done, and how much of it, of something that takes long. */
export class CountProgress {
  readonly #stream: ProgressStream;
  #toldAt = steadyMs();
  #isLineOpen = false;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  /** One line that stays. */
  say(line: string): void {
    this.end();
    this.#stream.write(`${line}\n`);
  }

  show(what: string, count: number): void {
    const isTerminal = this.#stream.isTTY === true;
    if (steadyMs() - this.#toldAt < (isTerminal ? everyMs.terminal : everyMs.elsewhere)) return;
    this.#toldAt = steadyMs();
    this.#stream.write(isTerminal ? `\r\x1b[K${what}: ${count}` : `${what}: ${count}\n`);
    this.#isLineOpen = isTerminal;
  }

  /** Clears the line that changes. */
  end(): void {
    if (this.#isLineOpen) this.#stream.write('\r\x1b[K');
    this.#isLineOpen = false;
  }
}
