import { isIP } from 'node:net';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { linkLifeMsMax } from './lib/share-token.ts';
import { AppError } from './model/errors.ts';
import { parseRecipient } from './vault/recovery-key.ts';

/** Everything that operators may set. Frozen; each part goes to whom it concerns and nobody else reads the environment. */
export type Config = {
  home: string;
  /** Folders of the vault; never inside the home. */
  keysDirs: readonly string[];
  masterKeyFile: string | null;
  /** An age recipient; null where retired root keys stay as they are. */
  recoveryKey: string | null;
  listen: Listen;
  /** A second listener, for clients whose requests announce a length beside a chunked body; null for none. */
  lenientListen: Listen | null;
  publicUrl: string | null;
  shareLifeMs: number;
  recordLinkLifeMs: number;
  trustProxy: readonly string[];
  horizonMs: number;
  tombstoneMs: number;
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
  { name: 'TACET_HOME', default: './tacet-home', help: 'Folder of the database and the recordings' },
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
  { name: 'TACET_MAX_UPLOAD', default: '2GiB', help: 'Largest recording' },
  {
    name: 'TACET_UPLOAD_LEASE',
    default: '30s',
    help: 'How long a process that takes an upload may be silent before the upload counts as abandoned',
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
const dayMs = 24 * 3_600_000;

/** Names that Kubernetes puts into every container beside a service called `tacet`. */
const injected = /^TACET_(SERVICE|PORT)(_|$)/;

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
    keysDirs: read('TACET_KEYS_DIR', () => parseKeysDirs(env['TACET_KEYS_DIR'], home)),
    masterKeyFile: read('TACET_MASTER_KEY_FILE', (text) => (text === '' ? null : resolve(text))),
    recoveryKey: read('TACET_RECOVERY_KEY', parseRecoveryKey),
    ...readListeners(env, read),
    publicUrl: read('TACET_PUBLIC_URL', parseUrl),
    shareLifeMs: read('TACET_SHARE_LIFE', parseLinkLife),
    recordLinkLifeMs: read('TACET_RECORD_LINK_LIFE', parseLinkLife),
    trustProxy: read('TACET_TRUST_PROXY', parseProxies),
    horizonMs: read('TACET_BACKUP_HORIZON', parseDuration),
    tombstoneMs: read('TACET_TOMBSTONE_DAYS', (text) => parseWhole(text, 1, lifeDaysMax) * dayMs),
    uploadBytesMax: read('TACET_MAX_UPLOAD', parseSize),
    uploadLeaseMs: read('TACET_UPLOAD_LEASE', (text) => bounded(parseDuration(text), 1000, 3_600_000)),
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
  const [listen, lenient] = [read('TACET_LISTEN', parseListen), read('TACET_LENIENT_LISTEN', parseLenientListen)];
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

function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new Error('is not HOST:PORT');
  return { host, port: parseWhole(match?.[3] ?? '', 0, 65_535) };
}

/** `HOST:PORT`, a port of this machine alone, or nothing. */
function parseLenientListen(text: string): { host: string; port: number } | null {
  if (text === '') return null;
  return parseListen(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text);
}

function parseUrl(text: string): string | null {
  if (text === '') return null;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new Error('is not an http or https address');
  }
  return text.replace(/\/+$/, '');
}

function parseList(text: string): string[] {
  return text.split(',').flatMap((word) => word.trim() || []);
}

/** Addresses, and networks as `ADDRESS/BITS`. */
function parseProxies(text: string): string[] {
  const proxies = parseList(text);
  for (const proxy of proxies) {
    const [address = '', bits, ...rest] = proxy.split('/');
    const bitsMax = isIP(address) === 6 ? 128 : 32;
    const isNetwork = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= bitsMax);
    if (isIP(address) === 0 || rest.length > 0 || !isNetwork) {
      throw new Error('is not a list of addresses and networks such as 10.0.0.1, 10.1.0.0/16');
    }
  }
  return proxies;
}

/** `60s`, `12h`, `7d`, `250ms`, or `0`. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  if (text === '0') return 0;
  if (match === null) throw new Error('is not a duration such as 60s, 12h or 7d');
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: dayMs };
  return Number(match[1]) * units[match[2] as keyof typeof units];
}

/** How long a link opens something. */
function parseLinkLife(text: string): number {
  return bounded(parseDuration(text), 60_000, linkLifeMsMax);
}

/** `1048576`, `200MiB`, `2GiB`. */
export function parseSize(text: string): number {
  const match = /^(\d{1,15})(KiB|MiB|GiB|TiB)?$/.exec(text);
  if (match === null) throw new Error('is not a size such as 200MiB or 2GiB');
  const units = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
  return Number(match[1]) * units[(match[2] ?? '') as keyof typeof units];
}

function parseWhole(text: string, min: number, max: number): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error('is not a whole number');
  return bounded(Number(text), min, max);
}

function bounded(value: number, min: number, max: number): number {
  if (value < min || value > max) throw new Error('is out of range');
  return value;
}
