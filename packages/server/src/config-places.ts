import { AppError } from './model/errors.ts';

/** Where rows, key pages and the queue are. */
export type DatabasePlace =
  | { kind: 'sqlite' }
  /** PostgreSQL 14 or newer. The address may carry a password, and is never shown. */
  | { kind: 'postgres'; url: string };

/** Where sealed recordings are. */
export type BlobsPlace =
  | { kind: 'files' }
  | {
      kind: 's3';
      bucket: string;
      /** Begins every object's key; empty, or ends with a slash. */
      prefix: string;
      /** Null for the one that belongs to the region. */
      endpoint: string | null;
      region: string;
      /** The bucket in the path of an address instead of in its host. */
      pathStyle: boolean;
      /** Encryption that the store is asked for; null leaves it to the bucket. */
      sse: 'AES256' | 'aws:kms' | null;
    };

/** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; empty is SQLite in the home. Errors never repeat the text. */
export function parseDatabaseUrl(text: string): DatabasePlace {
  if (text === '') return { kind: 'sqlite' };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPostgres = url?.protocol === 'postgres:' || url?.protocol === 'postgresql:';
  if (url === undefined || !isPostgres || url.pathname.length < 2) {
    throw invalid('is not an address such as postgres://USER:PASSWORD@HOST:5432/DATABASE');
  }
  return { kind: 'postgres', url: text };
}

/** `s3://BUCKET/PREFIX?endpoint=URL&region=R&pathStyle=true&sse=AES256`; empty is files in the home. */
export function parseBlobsUrl(text: string): BlobsPlace {
  if (text === '') return { kind: 'files' };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.protocol !== 's3:' || !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.hostname)) {
    throw invalid('is not an address such as s3://BUCKET/PREFIX?region=eu-west-1');
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid('carries credentials; they belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  }
  const asked = optionsOf(url);
  return {
    kind: 's3',
    bucket: url.hostname,
    prefix: prefixOf(url.pathname),
    endpoint: parseEndpoint(asked.get('endpoint')),
    region: asked.get('region') ?? 'us-east-1',
    pathStyle: parseYesNo(asked.get('pathStyle')),
    sse: parseSse(asked.get('sse')),
  };
}

const s3Options: readonly string[] = ['endpoint', 'region', 'pathStyle', 'sse'];

function optionsOf(url: URL): Map<string, string> {
  const options = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (!s3Options.includes(name)) throw invalid(`has an option other than ${s3Options.join(', ')}`);
    if (options.has(name)) throw invalid(`says ${name} twice`);
    if (value === '') throw invalid(`says nothing for ${name}`);
    options.set(name, value);
  }
  return options;
}

function prefixOf(pathname: string): string {
  const path = pathname.replace(/^\/+|\/+$/g, '');
  if (path === '') return '';
  // What a path may not carry plainly would be signed in one form and stored in another.
  if (!/^[A-Za-z0-9!_.*'()/-]+$/.test(path) || path.split('/').some((part) => /^\.{0,2}$/.test(part))) {
    throw invalid('has a prefix of other characters than letters, digits and -_.!*()/');
  }
  return `${path}/`;
}

function parseEndpoint(text: string | undefined): string | null {
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw invalid('has an endpoint that is not an http or https address');
  }
  return text.replace(/\/+$/, '');
}

function parseYesNo(text: string | undefined): boolean {
  if (text === undefined || text === 'false') return false;
  if (text === 'true') return true;
  throw invalid('has a pathStyle that is neither true nor false');
}

function parseSse(text: string | undefined): 'AES256' | 'aws:kms' | null {
  if (text === undefined) return null;
  if (text === 'AES256' || text === 'aws:kms') return text;
  throw invalid('has an sse that is neither AES256 nor aws:kms');
}

function invalid(message: string): AppError {
  return new AppError('config_invalid', { message });
}
