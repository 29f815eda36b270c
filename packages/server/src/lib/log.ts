import { writeSync } from 'node:fs';

/** Structured log lines: an event's name, ids, codes, counts and durations. Never anything a client supplied. */
export type LogFields = Record<string, string | number | boolean | null | undefined>;

export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** Says nothing. */
export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** One JSON line per event on standard error. */
export const stderrLog: Log = {
  info: (event, fields) => write('info', event, fields),
  warn: (event, fields) => write('warn', event, fields),
  error: (event, fields) => write('error', event, fields),
};

function write(level: string, event: string, fields: LogFields | undefined): void {
  const line = `${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`;
  try {
    // Not by the stream: one failed write, to a file on a full disk, would end the process or silence it for good.
    writeSync(process.stderr.fd, line);
  } catch {
    // A line that cannot be said must not end the server.
  }
}
