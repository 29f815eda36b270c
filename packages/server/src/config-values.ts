/** How the values of settings are read. Each throws an Error whose message goes behind the setting's name. */
import { isIP } from 'node:net';
import { linkLifeMsMax } from './lib/share-token.ts';

export const dayMs = 24 * 3_600_000;

export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new Error('is not HOST:PORT');
  return { host, port: parseWhole(match?.[3] ?? '', 0, 65_535) };
}

/** `HOST:PORT`, a port of this machine alone, or nothing. */
export function parseOptionalListen(text: string): { host: string; port: number } | null {
  if (text === '') return null;
  return parseListen(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text);
}

export function parseUrl(text: string): string | null {
  if (text === '') return null;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new Error('is not an http or https address');
  }
  return text.replace(/\/+$/, '');
}

/** Origins as browsers say them (RFC 6454, section 6.2): a scheme, a host, perhaps a port, nothing behind. */
export function parseOrigins(text: string): string[] {
  const origins = parseList(text);
  for (const origin of origins) {
    const url = URL.canParse(origin) ? new URL(origin) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.origin !== origin) {
      throw new Error('is not a list of origins such as https://console.example.com');
    }
  }
  return origins;
}

export function parseList(text: string): string[] {
  return text.split(',').flatMap((word) => word.trim() || []);
}

/** Addresses, and networks as `ADDRESS/BITS`. */
export function parseProxies(text: string): string[] {
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
export function parseLinkLife(text: string): number {
  return bounded(parseDuration(text), 60_000, linkLifeMsMax);
}

/** `1048576`, `200MiB`, `2GiB`. */
export function parseSize(text: string): number {
  const match = /^(\d{1,15})(KiB|MiB|GiB|TiB)?$/.exec(text);
  if (match === null) throw new Error('is not a size such as 200MiB or 2GiB');
  const units = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
  return Number(match[1]) * units[(match[2] ?? '') as keyof typeof units];
}

export function parseWhole(text: string, min: number, max: number): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error('is not a whole number');
  return bounded(Number(text), min, max);
}

export function bounded(value: number, min: number, max: number): number {
  if (value < min || value > max) throw new Error('is out of range');
  return value;
}
