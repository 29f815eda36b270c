/** Twin24's clients where they differ: in their paths, in how they say nothing, and in what they do about a 401. */
import { type RawAnswer, sendRaw } from './raw-http.ts';
import { claimsIn } from './twin-users.ts';

export type TwinStyle = {
  name: string;
  /** The login's address; everything else of IAM is beside it. */
  login: string;
  /** What a login says beside e-mail, password and `ttl`, and with which header. */
  loginExtra: object;
  loginHeaders: readonly string[];
  cis: string;
  analyse: string;
  /** Header lines and body of a request that has nothing to say, which is how each of them asks for an erasure. */
  nothing: readonly [headers: readonly string[], body?: string];
  refresh: (client: { token: string; refreshToken: string }, ttl: number) => Sent;
};

type Sent = { line: string; headers: readonly string[]; body?: string };

const json = 'Content-Type: application/json';

export const twinStyles: readonly TwinStyle[] = [
  {
    name: "the vendor's SDK",
    login: '/iam/api/v1/auth/login',
    loginExtra: { companyId: null, extra: [] },
    loginHeaders: ['Authorization: Bearer null'],
    cis: '/api/v1',
    analyse: '/api/v1',
    nothing: [[json], '[]'],
    // The token that is over, and not as a Bearer.
    refresh: ({ token, refreshToken }, ttl) => ({
      line: 'POST /iam/api/v1/auth/refresh',
      headers: [json, `Authorization: ${token}`],
      body: JSON.stringify({ refreshToken, ttl }),
    }),
  },
  {
    name: 'curl',
    login: '/api/v1/auth/login/',
    loginExtra: {},
    loginHeaders: [],
    cis: '/cis/api/v1',
    analyse: '/analyse/api/v1',
    nothing: [[]],
    refresh: ({ refreshToken }, ttl) => ({
      line: `GET /api/v1/auth/refresh?refreshToken=${refreshToken}&ttl=${ttl}`,
      headers: [],
    }),
  },
  {
    name: 'a client in Go',
    login: '/iam/api/v1/auth/login',
    loginExtra: {},
    loginHeaders: [],
    cis: '/cis/api/v1',
    analyse: '/analyse/api/v1',
    nothing: [[json], ''],
    refresh: ({ refreshToken }, ttl) => ({
      line: 'POST /iam/api/v1/auth/refresh',
      headers: [json],
      body: JSON.stringify({ refreshToken, ttl }),
    }),
  },
];

type Options = { origin: string; style: TwinStyle; nowMs: () => number };

/** One client, over real HTTP, every byte of its requests as its style has it. */
export class StyledClient {
  /** How often a 401 made it refresh. */
  refreshes = 0;
  readonly #options: Options;
  readonly #ttl: number;
  #tokens: { token: string; refreshToken: string };

  private constructor(options: Options, ttl: number, tokens: { token: string; refreshToken: string }) {
    this.#options = options;
    this.#ttl = ttl;
    this.#tokens = tokens;
  }

  /** Logs in for `ttl` seconds. */
  static async logIn(options: Options, who: { email: string; password: string }, ttl: number): Promise<StyledClient> {
    const { login, loginExtra, loginHeaders } = options.style;
    const body = JSON.stringify({ email: who.email, password: who.password, ttl, ...loginExtra });
    const answer = await exchange(options.origin, { line: `POST ${login}`, headers: [json, ...loginHeaders], body });
    return new StyledClient(options, ttl, tokensIn(answer));
  }

  /** Statistics of the calls that match. */
  async rows(filter: Record<string, string>): Promise<{ count: number; items: Record<string, unknown>[] }> {
    const { analyse } = this.#options.style;
    const answer = await this.#send({ line: `GET ${analyse}/search/cis/sessions?${new URLSearchParams(filter)}` });
    return JSON.parse(textOf(200, answer));
  }

  /** What a path of CIS answers. */
  async get<T>(path: string): Promise<T> {
    return JSON.parse(textOf(200, await this.#send({ line: `GET ${this.#options.style.cis}${path}` })));
  }

  async post<T>(path: string, body: object): Promise<T> {
    return JSON.parse(textOf(200, await this.postJson(path, body)));
  }

  /** The same where the answer itself is looked at. */
  async postJson(path: string, body: object): Promise<RawAnswer> {
    const line = `POST ${this.#options.style.cis}${path}`;
    return await this.#send({ line, headers: [json], body: JSON.stringify(body) });
  }

  /** A request with nothing to say, in the style's own way. */
  async ask(method: 'POST' | 'DELETE', path: string): Promise<RawAnswer> {
    const { cis, nothing } = this.#options.style;
    const [headers, body] = nothing;
    return await this.#send({ line: `${method} ${cis}${path}`, headers, ...(body !== undefined && { body }) });
  }

  async #send({ line, headers = [], ...body }: Partial<Sent> & { line: string }): Promise<RawAnswer> {
    const send = async () => {
      const authorization = `Authorization: Bearer ${this.#tokens.token}`;
      return await exchange(this.#options.origin, { line, headers: [authorization, ...headers], ...body });
    };
    const answer = await send();
    if (answer.status !== 401) return answer;
    await this.#refresh(answer);
    return await send();
  }

  /** By the SDK's rule, which is the strictest: only for this very text, and only when the token's own `exp` has passed. */
  async #refresh(answer: RawAnswer): Promise<void> {
    const { error } = JSON.parse(answer.body.toString()) as { error: string };
    const expMs = Number(claimsIn(this.#tokens.token)['exp']) * 1000;
    if (error !== 'Token is expired.' || expMs > this.#options.nowMs()) throw new Error('a 401 without end');
    this.refreshes += 1;
    const { origin, style } = this.#options;
    this.#tokens = tokensIn(await exchange(origin, style.refresh(this.#tokens, this.#ttl)));
  }
}

/** Without a body there is no Content-Length, and nothing says that there might be one. */
async function exchange(origin: string, { line, headers, body }: Sent): Promise<RawAnswer> {
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const head = [`${line} HTTP/1.1`, `Host: ${new URL(origin).host}`, ...headers, ...length];
  return await sendRaw(origin, Buffer.from(`${head.join('\r\n')}\r\n\r\n${body ?? ''}`));
}

/** Both, as the SDK reads them: without asking whether they are there. */
function tokensIn(answer: RawAnswer): { token: string; refreshToken: string } {
  const { token, refreshToken } = JSON.parse(textOf(200, answer)) as { token: string; refreshToken: string };
  return { token, refreshToken };
}

function textOf(status: number, answer: RawAnswer): string {
  const text = answer.body.toString();
  if (answer.status !== status) throw new Error(`${answer.status} where ${status} was expected: ${text}`);
  return text;
}
