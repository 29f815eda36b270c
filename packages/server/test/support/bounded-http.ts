/** One request over a real connection, of whose answer no more is read than is asked for. */
import { type Agent, request } from 'node:http';

export type BoundedRequest = {
  origin: string;
  method: string;
  path: string;
  headers: Readonly<Record<string, string | string[]>>;
  body?: Buffer | undefined;
  agent?: Agent;
};

export type BoundedAnswer = {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
  /** True where there was more, or the rest would have taken too long. */
  isPart: boolean;
};

const bytesMax = 4 * 1024 * 1024;
/** For what never ends by itself. */
const streamMs = 40;

/** The answer to a request. Rejects where the connection breaks before there is one. */
export async function ask({ origin, method, path, headers, body, agent }: BoundedRequest): Promise<BoundedAnswer> {
  return await new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const asked = request({ hostname, port, method, path, headers, ...(agent && { agent }) }, (answer) => {
      const chunks: Buffer[] = [];
      const end = (isPart: boolean) => {
        clearTimeout(timer);
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks), isPart });
        if (isPart) answer.destroy();
      };
      const isStream = String(answer.headers['content-type']).startsWith('text/event-stream');
      const timer = setTimeout(() => end(true), isStream ? streamMs : 30_000);
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (chunks.reduce((sum, one) => sum + one.length, 0) > bytesMax) end(true);
      });
      answer.once('end', () => end(false));
      answer.once('error', () => end(true));
    });
    asked.once('error', reject);
    asked.end(body);
  });
}
