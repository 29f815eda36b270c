import { systemError } from '../lib/durable-files.ts';

/** What `listen` comes to. Where the system refuses, the error names the setting and says why, in words of ours. */
export async function listening<T>(
  name: string,
  at: { host: string; port: number },
  listen: () => Promise<T>,
): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    const code = systemError(error)?.code;
    if (code === undefined) throw error;
    const { host, port } = at;
    const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    // The setting may be right, and the machine not as it should be.
    const why = listenFailures.get(code) ?? 'the system refuses';
    throw new Error(`${name}: cannot listen on ${where}: ${why} (${code})`, { cause: error });
  }
}

const listenFailures = new Map([
  ['EADDRINUSE', 'somebody else does'],
  ['EADDRNOTAVAIL', 'this machine has no such address'],
  ['EACCES', 'this process may not, as most may not on ports below 1024'],
  ['ENOTFOUND', 'there is no such host'],
]);
