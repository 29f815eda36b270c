/** One purge that meets a fault: the processes on a copy of the seed, how far they are, and what is left in the end. */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { CreovaiClient } from '../support/creovai-client.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { type Copy, calls, type PurgeSeed, phone } from './purge-seed.ts';

/** Longest wait for a purge to come somewhere: minutes, since the machine may be busy, and never reached where all is well. */
const waitMsMax = 150_000;
const lookMs = 20;

type ItemState = 'planned' | 'held' | 'shredded' | 'removed' | 'verified' | 'failed';

/** How the one erasure stands. */
export type Progress = Readonly<Record<ItemState, number>> & {
  erasure: string;
  /** Codes of items that failed. */
  codes: readonly string[];
  /** Whose lease its job is under, if anybody's. */
  leaseOwner: string | null;
  /** How often its job has been taken up; 0 once it is over. */
  attempts: number;
};

export class PurgeCase {
  readonly copy: Copy;
  readonly proxy: S3FaultProxy;
  readonly #processes: TacetProcess[] = [];

  private constructor(copy: Copy, proxy: S3FaultProxy) {
    this.copy = copy;
    this.proxy = proxy;
  }

  static async open(seed: PurgeSeed): Promise<PurgeCase> {
    const [copy, proxy] = await Promise.all([seed.copy(), S3FaultProxy.start(seed.s3.endpoint)]);
    return new PurgeCase(copy, proxy);
  }

  /** Starts `tacet COMMAND` on it, with short leases. Resolves when it says that it is up. */
  async start(command: 'serve' | 'work'): Promise<TacetProcess> {
    // A server's own worker would take over what the workers are there for.
    const guard = { TACET_GUARD_CALLS: '0', TACET_GUARD_PERCENT: '0' };
    const env = { ...guard, TACET_JOB_LEASE: '2s', TACET_UPLOAD_LEASE: '2s', TACET_WORKERS: '0' };
    const process = startTacet([command], { ...this.copy.env(this.proxy.endpoint), ...env });
    this.#processes.push(process);
    await Promise.race([isUp(process), endedEarly(process)]);
    return process;
  }

  /** Asks a server to purge the customer by the number. Resolves with how it answered, or that the connection broke. */
  async purge(server: TacetProcess): Promise<number | string> {
    const url = await server.listening;
    const { clientId, clientSecret } = this.copy.credentials;
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
    const answer = await fetch(`${url}/Token`, { method: 'POST', body: new URLSearchParams(form) });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    return await new CreovaiClient(url, token).purge('/customer', { phoneNumber: phone }).then(
      (items) => items.length,
      (error: Error) => error.message,
    );
  }

  /** Looks again and again until the purge is as wanted. A database that does not answer is asked again. */
  async until(isSo: (progress: Progress) => boolean): Promise<Progress> {
    const deadline = Date.now() + waitMsMax;
    let last: Progress | undefined;
    while (Date.now() < deadline) {
      last = await this.#look().catch(() => undefined);
      if (last !== undefined && isSo(last)) return last;
      await pause(lookMs);
    }
    const said = this.#processes.map((one) => one.errors().slice(-2000)).join('\n');
    throw new Error(`waited for too long: ${JSON.stringify(last)}\n${said}`);
  }

  /** Resolves when every item is verified and the erasure is over. */
  async untilVerified(): Promise<Progress> {
    return await this.until(({ erasure, verified }) => erasure === 'completed' && verified === calls);
  }

  /** Ends what still runs, in order. Returns whatever did not end well. */
  async end(): Promise<string[]> {
    const alive = this.#processes.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    for (const { child } of alive) child.kill('SIGTERM');
    const ended = await Promise.all(alive.map(async (one) => await one.ended));
    return ended.flatMap(({ code, signal, errors }) => (code === 0 ? [] : [`${code} ${signal}: ${errors}`]));
  }

  async remove(): Promise<void> {
    for (const { child } of this.#processes) child.kill('SIGKILL');
    await Promise.all(this.#processes.map(({ ended }) => ended));
    await this.proxy.close();
    await this.copy.remove();
  }

  async #look(): Promise<Progress | undefined> {
    const client = new Client({ connectionString: this.copy.database.url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const erasures = await client.query<{ state: string }>('SELECT state FROM erasure');
      const items = await client.query<{ state: ItemState; failed_code: string | null; items: number }>(
        'SELECT state, failed_code, count(*)::int AS items FROM item GROUP BY state, failed_code',
      );
      const jobs = await client.query<{ lease_owner: string | null; attempts: number }>(
        'SELECT lease_owner, attempts::int FROM job WHERE finished_at IS NULL',
      );
      const tally = { planned: 0, held: 0, shredded: 0, removed: 0, verified: 0, failed: 0 };
      for (const { state, items: count } of items.rows) tally[state] += count;
      const codes = items.rows.flatMap(({ state, failed_code }) => (state === 'failed' ? [failed_code ?? ''] : []));
      const [erasure] = erasures.rows;
      const { lease_owner: leaseOwner, attempts } = jobs.rows[0] ?? { lease_owner: null, attempts: 0 };
      return erasure && { ...tally, erasure: erasure.state, codes, leaseOwner, attempts };
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

async function isUp({ child }: TacetProcess): Promise<void> {
  await new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (/^(working|listening on .*)$/m.test(chunk.toString())) resolve();
    });
  });
}

async function endedEarly({ ended }: TacetProcess): Promise<never> {
  throw new Error(`it ended before it was up: ${(await ended).errors}`);
}
