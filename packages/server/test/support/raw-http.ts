import { connect, type Socket } from 'node:net';

export type RawAnswer = {
  /** Statuses of interim answers, such as 100, that came before. */
  interim: number[];
  status: number;
  headers: Map<string, string>;
  body: Buffer;
};

/** A connection on which a test decides every byte, as real clients do not all look alike. */
export class RawConnection {
  readonly #socket: Socket;
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #isOver = false;

  constructor(origin: string) {
    this.#socket = connect(Number(new URL(origin).port), '127.0.0.1');
    this.#socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    // A reset shows as an answer that never comes.
    this.#socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.#isOver = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Resolves when the system has taken the bytes; at once when the connection is over. */
  async send(bytes: string | Buffer): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#isOver) resolve();
      else this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => resolve());
    });
  }

  /** The next final answer, with a body of announced length. Rejects when the connection ends before its last byte. */
  async answer(): Promise<RawAnswer> {
    const interim: number[] = [];
    for (;;) {
      const head = await this.#until(() => {
        const at = this.#received.indexOf('\r\n\r\n');
        return at < 0 ? undefined : this.#take(at + 4).toString('latin1');
      });
      const [statusLine = '', ...lines] = head.trimEnd().split('\r\n');
      const status = Number(statusLine.split(' ')[1]);
      if (status < 200) {
        interim.push(status);
        continue;
      }
      const headers = headersOf(lines);
      const length = Number(headers.get('content-length') ?? 0);
      const body = await this.#until(() => (this.#received.length < length ? undefined : this.#take(length)));
      return { interim, status, headers, body };
    }
  }

  /** Waits for an interim answer and takes it. */
  async interim(): Promise<number> {
    const head = await this.#until(() => {
      const at = this.#received.indexOf('\r\n\r\n');
      return at < 0 ? undefined : this.#take(at + 4).toString('latin1');
    });
    return Number(head.split(' ')[1]);
  }

  /** Everything received and not yet taken as an answer. */
  get pending(): Buffer {
    return this.#received;
  }

  /** Waits for the answer to begin, then reads no more: the server can send only what the buffers between hold. */
  async pauseAtFirstByte(): Promise<void> {
    await this.#until(() => (this.#received.length > 0 ? true : undefined));
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says that no more bytes will come, and goes on listening. */
  finish(): void {
    this.#socket.end();
  }

  /** Breaks the connection, as a client does that dies. */
  cut(): void {
    this.#socket.resetAndDestroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(count: number): Buffer {
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#isOver) throw new Error(`the connection ended after ${this.#received.length} pending bytes`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Sends one request as it stands and takes its answer. */
export async function sendRaw(origin: string, request: string | Buffer): Promise<RawAnswer> {
  const connection = new RawConnection(origin);
  try {
    await connection.send(request);
    return await connection.answer();
  } finally {
    connection.close();
  }
}

/** A whole request of header lines and a body of known length. */
export function rawRequest(line: string, headers: readonly string[], body: string | Buffer = ''): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  const head = [`${line} HTTP/1.1`, 'Host: archive.example', ...headers, `Content-Length: ${bytes.length}`];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);
}

/** By name in lower case. What comes in several lines is one list with commas between (RFC 9110, section 5.3). */
function headersOf(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const at = line.indexOf(':');
    const [name, value] = [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}
