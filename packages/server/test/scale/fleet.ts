/** Two servers and two workers as processes of their own, on one database, one bucket and one vault folder. */
import { expect } from 'vitest';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';
import { VendorClient } from '../support/vendor-client.ts';

type Member = { process: TacetProcess; output: () => string };

export type Account = { clientId: string; clientSecret: string };

export class Fleet {
  readonly #members: Member[] = [];
  readonly #env: Record<string, string>;
  /** What commands have said beside their documents. */
  #commandsSaid = '';
  /** Addresses of the two servers. */
  urls: readonly [one: string, other: string] = ['', ''];

  constructor(env: Record<string, string>) {
    this.#env = { ...env, TACET_LISTEN: '127.0.0.1:0', TACET_METRICS_LISTEN: '127.0.0.1:0' };
  }

  /** Runs a command to its end and answers with its document. */
  async command<T>(args: readonly string[], input?: string): Promise<T> {
    const ran = startTacet([...args, '--json'], this.#env, input === undefined ? {} : { input });
    const { code, output, errors } = await ran.ended;
    this.#commandsSaid += errors;
    expect(code, errors).toBe(0);
    // The caller says what the command's document consists of.
    return JSON.parse(output) as T;
  }

  async start(): Promise<void> {
    for (const command of ['serve', 'serve', 'work', 'work']) this.#members.push(this.#begin(command));
    const [one, other] = this.#members;
    this.urls = [(await one?.process.listening) ?? '', (await other?.process.listening) ?? ''];
    await until(async () => this.#members.slice(2).every(({ output }) => /^working$/m.test(output())));
  }

  #begin(command: string): Member {
    const process = startTacet([command], this.#env);
    let said = '';
    process.child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    return { process, output: () => said };
  }

  /** A client at each server, with one token that the first has given. */
  async clients({ clientId, clientSecret }: Account): Promise<[one: VendorClient, other: VendorClient]> {
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
    const [one, other] = this.urls;
    const answer = await fetch(`${one}/Token`, { method: 'POST', body: new URLSearchParams(form) });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    return [new VendorClient(one, token), new VendorClient(other, token)];
  }

  /** The page of metrics of each process. */
  async metricsPages(): Promise<string[]> {
    const urls = this.#members.flatMap(({ output }) => /^metrics at (\S+)$/m.exec(output())?.[1] ?? []);
    expect(urls).toHaveLength(this.#members.length);
    return await Promise.all(urls.map(async (url) => await (await fetch(url)).text()));
  }

  /** Everything that processes and commands have said so far. */
  said(): string {
    return [this.#commandsSaid, ...this.#members.flatMap(({ process, output }) => [output(), process.errors()])].join(
      '\n',
    );
  }

  /** Ends all of them in order, and expects that each has ended well. */
  async stop(): Promise<void> {
    const ended = await Promise.all(
      this.#members.splice(0).map(async ({ process }) => {
        process.child.kill('SIGTERM');
        return await process.ended;
      }),
    );
    for (const { code, errors } of ended) expect(code, errors).toBe(0);
  }

  /** Ends whatever a failed test has left. */
  async kill(): Promise<void> {
    for (const { process } of this.#members) process.child.kill('SIGKILL');
    await Promise.all(this.#members.splice(0).map(async ({ process }) => await process.ended));
  }
}
