/** The attack on identifiers: numbers are few enough to try them all, so that only keys keep a token from being read. */
import type { Opened } from './attack.ts';
import { distinctPieces } from './database-states.ts';
import type { Loot } from './loot.ts';
import { aesBlocks, coreOf, secretOf } from './openers.ts';

/** One identifier that is tried, in every form in which it may have been stored. */
export type Guess = { label: string; kind: string; values: readonly string[] };

/** Where an identifier was found: in which rows, in the vault's files, or in any 16 bytes of any file. */
export type Found = Record<'token' | 'tombstone' | 'journal' | 'audit' | 'vault' | 'bytes', string[]>;

const tokenBytes = 16;
/** Of the 2^24 beginnings that a core may have: few guesses have a given one, so that nearly all blocks end there. */
const beginnings = 2 ** 24;

/** Guesses by their cores under one index key. */
type Cores = { labels: Map<string, string>; isBeginning: Uint8Array };

/** Tries guesses against everything stored, remembering what each index key makes of them. */
export class Enumeration {
  readonly #guesses: readonly Guess[];
  readonly #coresByKey = new Map<string, Cores>();

  constructor(guesses: readonly Guess[]) {
    this.#guesses = guesses;
  }

  /**
   * Labels that were found, sorted. Rows and texts are tried under every slot's key and every secret that could be made of
   * it, in whichever version of its leaf; the bytes of all files under the keys of epochs and tombstones alone.
   */
  find(loot: Loot, opened: Opened): Found {
    const named = secretsOf(loot, opened);
    const all = opened.slotKeys.flatMap(({ key }) => [key, secretOf(key, 'tombstone-key')]);
    const texts = (where: 'journal' | 'audit') =>
      loot.details.filter((one) => one.where === where).map((one) => one.text);
    const rows = (where: 'token' | 'tombstone') =>
      loot.tokens.filter((one) => one.where === where).map(({ token }) => token);
    const vault = loot.files.filter(({ path }) => /-keys\//.test(path)).map(({ bytes }) => bytes.toString('latin1'));
    const keys = { index: named('index-key'), tokens: all };
    return {
      token: this.#labels(rows('token'), keys),
      tombstone: this.#labels(rows('tombstone'), keys),
      journal: this.#labels(hexTokens(texts('journal')), keys),
      audit: this.#labels(hexTokens(texts('audit')), keys),
      vault: this.#labels(hexTokens(vault), keys),
      bytes: this.#labels(everyBlock(loot), { ...keys, tokens: [...named('epoch'), ...named('tombstone-key')] }),
    };
  }

  /** `blocks` are rows of 16-byte blocks, each tried as a token. */
  #labels(blocks: readonly Buffer[], keys: { index: readonly Buffer[]; tokens: readonly Buffer[] }): string[] {
    const found = new Set<string>();
    const row = Buffer.concat(blocks);
    for (const index of keys.index) {
      const { labels, isBeginning } = this.#coresOf(index);
      for (const key of keys.tokens) {
        const cores = aesBlocks('decrypt', key, row);
        for (let at = 0; at < cores.length; at += tokenBytes) {
          if (isBeginning[cores.readUIntLE(at, 3)] === 0) continue;
          const label = labels.get(cores.toString('latin1', at, at + tokenBytes));
          if (label !== undefined) found.add(label);
        }
      }
    }
    return [...found].sort();
  }

  #coresOf(indexKey: Buffer): Cores {
    const name = indexKey.toString('hex');
    const known = this.#coresByKey.get(name);
    if (known !== undefined) return known;
    const cores: Cores = { labels: new Map(), isBeginning: new Uint8Array(beginnings) };
    for (const { label, kind, values } of this.#guesses) {
      for (const value of values) {
        const core = coreOf(indexKey, kind, value);
        cores.labels.set(core.toString('latin1'), label);
        cores.isBeginning[core.readUIntLE(0, 3)] = 1;
      }
    }
    this.#coresByKey.set(name, cores);
    return cores;
  }
}

/** The server's own secrets as they follow from what has opened, by kind, each once. */
function secretsOf(loot: Loot, { slotKeys }: Opened): (kind: string) => Buffer[] {
  return (kind) => {
    const slots = new Set(loot.secretSlots.filter((one) => one.kind === kind).map(({ slot }) => slot));
    const keys = slotKeys.filter(({ slot }) => slots.has(slot)).map(({ key }) => key);
    return kind === 'epoch' ? keys : keys.map((key) => secretOf(key, kind));
  };
}

/** What stands in text as 32 hex digits, wherever in a longer run of them it begins. */
function hexTokens(texts: readonly string[]): Buffer[] {
  const tokens: Buffer[] = [];
  for (const text of texts) {
    for (const [run] of text.matchAll(/[0-9a-f]{32,}/gi)) {
      for (let from = 0; from + 2 * tokenBytes <= run.length; from += 1) {
        tokens.push(Buffer.from(run.slice(from, from + 2 * tokenBytes), 'hex'));
      }
    }
  }
  return tokens;
}

/** Every 16 bytes in a row of every file: of each piece from each of its first sixteen bytes on, block by block. */
function everyBlock({ files }: Loot): Buffer[] {
  return distinctPieces(files, tokenBytes).flatMap((piece) =>
    Array.from({ length: tokenBytes }, (_, from) => {
      const whole = Math.floor((piece.length - from) / tokenBytes) * tokenBytes;
      return piece.subarray(from, from + Math.max(0, whole));
    }),
  );
}
