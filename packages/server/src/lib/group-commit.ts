/**
 * Lets calls that arrive while one runs share the next run: under load many small transactions become one.
 *
 * `run` gets all waiting inputs (at most `max`) and settles each by itself in its result list. Up to `lanes` of them run at
 * the same time, by default one.
 */
export class GroupCommit<In, Out> {
  readonly #run: (inputs: readonly In[]) => Promise<PromiseSettledResult<Out>[]>;
  readonly #max: number;
  readonly #lanes: number;
  #waiting: { input: In; resolve: (out: Out) => void; reject: (error: unknown) => void }[] = [];
  #running = 0;

  constructor(max: number, run: (inputs: readonly In[]) => Promise<PromiseSettledResult<Out>[]>, lanes = 1) {
    this.#max = max;
    this.#lanes = lanes;
    this.#run = run;
  }

  /** Resolves when the run that took this input has. */
  async add(input: In): Promise<Out> {
    return await new Promise<Out>((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      if (this.#running < this.#lanes) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#running += 1;
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0, this.#max);
      const results = await this.#run(some.map((one) => one.input)).catch((error: unknown) => error);
      for (const [i, one] of some.entries()) {
        const result = Array.isArray(results) ? (results[i] as PromiseSettledResult<Out>) : undefined;
        if (result?.status === 'fulfilled') one.resolve(result.value);
        else one.reject(result === undefined ? results : result.reason);
      }
    }
    this.#running -= 1;
  }
}
