import { Patience } from './patience.ts';
import { Session, type SqlConnection } from './session.ts';

/** One write of a group: run, maybe more than once, and told its outcome when its transaction has ended. */
export class QueuedWrite<T> {
  /** Keeps the promise that `Db.write` makes. */
  readonly settled: Promise<T>;
  readonly #work: (session: Session) => Promise<T>;
  readonly #timeoutMs: number;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  #patience: Patience | undefined;
  #outcome: PromiseSettledResult<T> | undefined;

  constructor(work: (session: Session) => Promise<T>, timeoutMs: number) {
    this.#work = work;
    this.#timeoutMs = timeoutMs;
    const settling = withResolvers<T>();
    this.settled = settling.promise;
    this.#resolve = settling.resolve;
    this.#reject = settling.reject;
  }

  /** How often it is tried again. Time counts from the first conflict. */
  get patience(): Patience {
    this.#patience ??= new Patience(this.#timeoutMs);
    return this.#patience;
  }

  /** Runs the work on a session of its own. Passes its error on, and remembers how it ended. */
  async run(connection: SqlConnection): Promise<void> {
    const session = new Session(connection);
    try {
      this.#outcome = { status: 'fulfilled', value: await this.#work(session) };
    } catch (reason) {
      this.#outcome = { status: 'rejected', reason };
      throw reason;
    } finally {
      session.end();
    }
  }

  /** Tells the caller how the last run ended. */
  settle(): void {
    if (this.#outcome?.status === 'fulfilled') this.#resolve(this.#outcome.value);
    else this.#reject(this.#outcome?.reason);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

/** `Promise.withResolvers`, which Node.js 20 does not have. */
function withResolvers<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((kept, broken) => {
    resolve = kept;
    reject = broken;
  });
  return { promise, resolve, reject };
}
