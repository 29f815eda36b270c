import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What is served: a page that is never the same twice. */
export type Page = { contentType: string; page(): Promise<string> };

export type MetricsListener = {
  /** Where the page is. */
  url: string;
  /** Ends at once: nobody waits for a page of a process that ends. */
  close(): Promise<void>;
};

const path = '/metrics';
/** A request has no body and few headers; whoever needs longer is no collector. */
const requestMsMax = 10_000;
const headerBytesMax = 8192;

/**
 * Serves `GET /metrics`, and nothing else, on a listener of its own, so that who may reach it is a matter of the network.
 * Rejects with the system's error where it cannot listen there.
 */
export async function listenForMetrics(at: { host: string; port: number }, page: Page): Promise<MetricsListener> {
  const options = { requestTimeout: requestMsMax, headersTimeout: requestMsMax, maxHeaderSize: headerBytesMax };
  const server = createServer(options, (request, response) => void answer(page, request, response));
  await listening(server, at);
  // Out of file descriptors, say: a listener nearby, and no reason to end the process.
  server.on('error', () => undefined);
  return {
    url: `http://${addressOf(server)}${path}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listening(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function answer(page: Page, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [asked] = (request.url ?? '').split('?', 1);
  if (asked !== path) return say(response, 404, 'Not found\n');
  if (request.method !== 'GET') return say(response.setHeader('allow', 'GET'), 405, 'Only GET\n');
  try {
    say(response, 200, await page.page(), page.contentType);
  } catch {
    say(response, 500, 'The metrics could not be written\n');
  }
}

function say(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function addressOf(server: Server): string {
  // Listens on TCP, so that Node tells it this way.
  const { address, port, family } = server.address() as AddressInfo;
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
