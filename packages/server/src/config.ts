import { isAbsolute, relative, resolve, sep } from 'node:path';
import { type BlobsPlace, type DatabasePlace, parseBlobsUrl, parseDatabaseUrl } from './config-places.ts';
import {
  bounded,
  dayMs,
  parseDuration,
  parseLinkLife,
  parseList,
  parseListen,
  parseOptionalListen,
  parseOrigins,
  parseProxies,
  parseSize,
  parseUrl,
  parseWhole,
} from './config-values.ts';
import { AppError } from './model/errors.ts';
import type { GuardBounds } from './model/tenant.ts';
import { parseRecipient } from './vault/recovery-key.ts';

/** Everything that operators may set. Frozen; each part goes to whom it concerns and nobody else reads the environment. */
export type Config = {
  home: string;
  database: DatabasePlace;
  blobsAt: BlobsPlace;
  /** Folders of the vault; never inside the home. */
  keysDirs: readonly string[];
  masterKeyFile: string | null;
  /** An age recipient; null where retired root keys stay as they are. */
  recoveryKey: string | null;
  listen: Listen;
  /** A second listener, for clients whose requests announce a length beside a chunked body; null for none. */
  lenientListen: Listen | null;
  /** A listener that tells counts and durations to Prometheus; null for none. */
  metricsListen: { host: string; port: number } | null;
  publicUrl: string | null;
  shareLifeMs: number;
  recordLinkLifeMs: number;
  trustProxy: readonly string[];
  horizonMs: number;
  tombstoneMs: number;
  /** Above these an erasure needs a second actor's approval; 0 switches one off. */
  guard: GuardBounds<never>;
  /** For how long a plan may be executed. */
  planLifeMs: number;
  /** Requests a minute on the native API by each client; 0 for any number. */
  rateLimit: number;
  /** Origins whose pages may call the native API; none if empty. */
  corsOrigins: readonly string[];
  uploadBytesMax: number;
  uploadLeaseMs: number;
  jobLeaseMs: number;
  workers: number;
};

/** An address to listen on, and the certificate to speak TLS with there; null is plain HTTP. */
export type Listen = { host: string; port: number; certificate: CertificateFiles | null };

/** PEM files: a certificate with those that lead to its authority behind it, and its private key. */
export type CertificateFiles = { certFile: string; keyFile: string };

type Setting = { name: string; default: string; help: string };

/** Every name there is, with its default and what it does; `docs/configuration.md` is made from it. */
export const settings = [
  {
    name: 'TACET_HOME',
    default: './tacet-home',
    help: 'Folder of the database and the recordings, as far as the next two do not put them elsewhere',
  },
  {
    name: 'TACET_DATABASE_URL',
    default: '',
    help: 'PostgreSQL 14 or newer: `postgres://USER:PASSWORD@HOST:5432/DATABASE`, always of the primary, for any number of processes; default: SQLite in the home',
  },
  {
    name: 'TACET_BLOBS_URL',
    default: '',
    help: '`s3://BUCKET/PREFIX?endpoint=URL&region=R&pathStyle=true&sse=AES256`, with credentials by the AWS environment names; default: files in the home',
  },
  {
    name: 'TACET_KEYS_DIR',
    default: '<TACET_HOME>-keys',
    help: 'Folder of the vault; several, separated by commas. Never inside the home: a backup of the home would carry its own keys',
  },
  {
    name: 'TACET_MASTER_KEY_FILE',
    default: '',
    help: 'File with 32 bytes (raw, hex or base64) that wrap the root keys; for its owner alone (mode 0600), never inside the home',
  },
  {
    name: 'TACET_RECOVERY_KEY',
    default: '',
    help: 'An age recipient (`age1...`) whose identity is kept offline: retired root keys exist only sealed to it, so that backups open with the identity alone',
  },
  { name: 'TACET_LISTEN', default: '127.0.0.1:8484', help: 'Address and port; port 0 picks a free one' },
  {
    name: 'TACET_TLS_CERT',
    default: '',
    help: 'PEM file with the TLS certificate and those that lead to its authority behind it. It and the key are read again on SIGHUP',
  },
  { name: 'TACET_TLS_KEY', default: '', help: 'PEM file with the private key of the certificate' },
  {
    name: 'TACET_TLS',
    default: '',
    help: '`on` or `off`: TLS on `TACET_LISTEN`; default: on where a certificate is configured',
  },
  {
    name: 'TACET_LENIENT_LISTEN',
    default: '',
    help: "Address and port (or a port alone, of 127.0.0.1) of a second listener with every route, for clients such as Creovai's C++ SDK that send `Content-Length` beside a chunked body, which the main listener refuses; default: none. That SDK speaks TLS and fetches its tokens on port 443. No HTTP proxy may stand in front of it: forwarded headers count for nothing here",
  },
  {
    name: 'TACET_LENIENT_TLS',
    default: '',
    help: '`on` or `off`: TLS on `TACET_LENIENT_LISTEN`; default: on where a certificate is configured',
  },
  {
    name: 'TACET_METRICS_LISTEN',
    default: '',
    help: 'Address and port (or a port alone, of 127.0.0.1) where `serve` and `work` tell Prometheus counts and durations at `/metrics`, without a token; default: none',
  },
  { name: 'TACET_PUBLIC_URL', default: '', help: 'Base of absolute links; default: the address of the listener' },
  { name: 'TACET_SHARE_LIFE', default: '8h', help: 'How long a share link opens its call; at least 1m' },
  {
    name: 'TACET_RECORD_LINK_LIFE',
    default: '24h',
    help: 'How long a link to a recording (`recordPath` of Twin24) opens it; at least 1m',
  },
  {
    name: 'TACET_TRUST_PROXY',
    default: '',
    help: 'Proxies (addresses or networks, separated by commas) whose forwarded headers count',
  },
  {
    name: 'TACET_BACKUP_HORIZON',
    default: '7d',
    help: 'How long a retired root key lives, and so how long a backup of the database opens. `0` is allowed',
  },
  {
    name: 'TACET_TOMBSTONE_DAYS',
    default: '400',
    help: 'Days for which a purged call is remembered by id, so that a retried upload is refused',
  },
  {
    name: 'TACET_GUARD_CALLS',
    default: '10000',
    help: 'An erasure of more calls than this needs the approval of a second actor; `0` switches this off. A tenant may have a bound of its own',
  },
  {
    name: 'TACET_GUARD_PERCENT',
    default: '5',
    help: "The same for an erasure of more than this part of a tenant's live calls, where it has 1,000 or more; `0` switches this off",
  },
  {
    name: 'TACET_PLAN_LIFE',
    default: '24h',
    help: 'For how long the plan of a native erasure may be executed; at least 1m',
  },
  {
    name: 'TACET_RATE_LIMIT',
    default: '60000',
    help: 'Requests a minute that each client may make under `/v1`, counted by each process; `0` for any number',
  },
  {
    name: 'TACET_CORS_ORIGINS',
    default: '',
    help: 'Origins (`https://HOST`, separated by commas) whose pages may call the native API from a browser; default: none',
  },
  { name: 'TACET_MAX_UPLOAD', default: '2GiB', help: 'Largest recording' },
  {
    name: 'TACET_UPLOAD_LEASE',
    default: '30s',
    help: 'How long a process that takes an upload may be silent before the upload counts as abandoned; at most 60s',
  },
  {
    name: 'TACET_JOB_LEASE',
    default: '30s',
    help: 'How long a worker may be silent before another takes over; at most 60s',
  },
  { name: 'TACET_WORKERS', default: '1', help: 'Workers inside `serve`; 0 for none' },
] as const satisfies readonly Setting[];

type Name = (typeof settings)[number]['name'];
type Env = Readonly<Record<string, string | undefined>>;
/** Parses one setting; undefined where that failed and has been noted among the problems. */
type Read = <T>(name: Name, parse: (text: string) => T) => T | undefined;

/** Longest that anything made today may be kept: a hundred years. */
const lifeDaysMax = 36_500;

/** Names that Kubernetes puts into every container beside a service called `tacet`, and those of the servers for tests. */
const injected = /^TACET_(SERVICE|PORT|TEST)(_|$)/;

/**
 * Reads the environment. All problems are reported at once, in one `config_invalid` error whose message names the
 * variables; a name with our prefix that does not exist is a problem too.
 */
export function readConfig(env: Env): Config {
  const problems: string[] = [];
  const known = new Set<string>(settings.map((setting) => setting.name));
  for (const name of Object.keys(env)) {
    if (name.startsWith('TACET_') && !known.has(name) && !injected.test(name)) problems.push(`${name} does not exist`);
  }
  const read: Read = (name, parse) => {
    const text = env[name] ?? settings.find((setting) => setting.name === name)?.default ?? '';
    try {
      return parse(text);
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : 'is not usable'}`);
      return undefined;
    }
  };
  const home = resolve(env['TACET_HOME'] || './tacet-home');
  const config = {
    home,
    database: read('TACET_DATABASE_URL', parseDatabaseUrl),
    blobsAt: read('TACET_BLOBS_URL', parseBlobsUrl),
    keysDirs: read('TACET_KEYS_DIR', () => parseKeysDirs(env['TACET_KEYS_DIR'], home)),
    masterKeyFile: read('TACET_MASTER_KEY_FILE', (text) => (text === '' ? null : resolve(text))),
    recoveryKey: read('TACET_RECOVERY_KEY', parseRecoveryKey),
    ...readListeners(env, read),
    metricsListen: read('TACET_METRICS_LISTEN', parseOptionalListen),
    publicUrl: read('TACET_PUBLIC_URL', parseUrl),
    shareLifeMs: read('TACET_SHARE_LIFE', parseLinkLife),
    recordLinkLifeMs: read('TACET_RECORD_LINK_LIFE', parseLinkLife),
    trustProxy: read('TACET_TRUST_PROXY', parseProxies),
    horizonMs: read('TACET_BACKUP_HORIZON', parseDuration),
    tombstoneMs: read('TACET_TOMBSTONE_DAYS', (text) => parseWhole(text, 1, lifeDaysMax) * dayMs),
    guard: {
      calls: read('TACET_GUARD_CALLS', (text) => parseWhole(text, 0, Number.MAX_SAFE_INTEGER)),
      percent: read('TACET_GUARD_PERCENT', (text) => parseWhole(text, 0, 100)),
    },
    planLifeMs: read('TACET_PLAN_LIFE', parseLinkLife),
    rateLimit: read('TACET_RATE_LIMIT', (text) => parseWhole(text, 0, 1_000_000_000)),
    corsOrigins: read('TACET_CORS_ORIGINS', parseOrigins),
    uploadBytesMax: read('TACET_MAX_UPLOAD', parseSize),
    uploadLeaseMs: read('TACET_UPLOAD_LEASE', (text) => bounded(parseDuration(text), 1000, 60_000)),
    jobLeaseMs: read('TACET_JOB_LEASE', (text) => bounded(parseDuration(text), 1000, 60_000)),
    workers: read('TACET_WORKERS', (text) => parseWhole(text, 0, 64)),
  };
  if (problems.length > 0) throw new AppError('config_invalid', { message: problems.join('; ') });
  // Every part was read, or there would be a problem.
  return Object.freeze(config) as Config;
}

/** Where to listen, each listener with the certificate if it speaks TLS. */
function readListeners(env: Env, read: Read) {
  const [certFile, keyFile] = [env['TACET_TLS_CERT'] ?? '', env['TACET_TLS_KEY'] ?? ''];
  const missing = certFile === '' ? 'TACET_TLS_CERT' : 'TACET_TLS_KEY';
  const certificate = read(missing, () => parseCertificate(certFile, keyFile));
  const certificateIf = (name: 'TACET_TLS' | 'TACET_LENIENT_TLS') => {
    const isOn = read(name, (text) => parseTls(text, { hasCertificate: certificate !== null }));
    return (isOn && certificate) || null;
  };
  const [listen, lenient] = [read('TACET_LISTEN', parseListen), read('TACET_LENIENT_LISTEN', parseOptionalListen)];
  const [own, lenientOwn] = [certificateIf('TACET_TLS'), certificateIf('TACET_LENIENT_TLS')];
  return {
    listen: listen && { ...listen, certificate: own },
    lenientListen: lenient && { ...lenient, certificate: lenientOwn },
  };
}

function parseCertificate(certFile: string, keyFile: string): CertificateFiles | null {
  if (certFile === '' && keyFile === '') return null;
  if (certFile === '' || keyFile === '') throw new Error('is missing: a certificate and its key come together');
  return { certFile: resolve(certFile), keyFile: resolve(keyFile) };
}

function parseTls(text: string, { hasCertificate }: { hasCertificate: boolean }): boolean {
  if (text === '') return hasCertificate;
  if (text !== 'on' && text !== 'off') throw new Error('is not on or off');
  if (text === 'on' && !hasCertificate) throw new Error('needs TACET_TLS_CERT and TACET_TLS_KEY');
  return text === 'on';
}

function parseKeysDirs(text: string | undefined, home: string): string[] {
  const folders = text ? parseList(text).map((folder) => resolve(folder)) : [`${home}-keys`];
  if (folders.length === 0) throw new Error('names no folder');
  if (new Set(folders).size < folders.length) throw new Error('names a folder twice, which is one copy and not two');
  for (const folder of folders) {
    const within = relative(home, folder);
    const isOutside = within === '..' || within.startsWith(`..${sep}`) || isAbsolute(within);
    if (!isOutside) {
      throw new Error('lies inside the home, so that a backup of the home would carry its own keys');
    }
  }
  return folders;
}

function parseRecoveryKey(text: string): string | null {
  if (text.trim() === '') return null;
  parseRecipient(text);
  return text.trim();
}
