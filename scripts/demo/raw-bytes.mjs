// The plainest proof there is: look for words in raw bytes.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Every file below some folders, by path. */
export async function filesBelow(...folders) {
  const files = [];
  for (const folder of folders) {
    for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
      if (entry.isFile()) files.push(join(entry.parentPath ?? entry.path, entry.name));
    }
  }
  return files.sort();
}

/** Files as pieces to search. One that is gone when it is to be read, as retired keys and old log are, has nothing in it. */
export function piecesOfFiles(files) {
  const readIfThere = async (file) =>
    await readFile(file).catch((error) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
  return files.map((file) => ({ name: file, read: async () => await readIfThere(file) }));
}

/** Which words occur in which pieces (`{ name, read }`), in any of the encodings. One line of text per find. */
export async function findInPieces(words, pieces) {
  const search = searchFor(words.flatMap(needlesOf));
  const found = [];
  let bytes = 0;
  for (const { name, read } of pieces) {
    const content = await read();
    bytes += content.length;
    for (const { word, encoding } of search(content)) found.push(`${word} (${encoding}) in ${name}`);
  }
  return { found, bytes };
}

/**
 * Looks for all needles in one pass: hundreds of passes over a database would take minutes. Answers with a search that gives
 * the needles which stand somewhere in some bytes.
 */
function searchFor(needles) {
  const headBytes = 4;
  // A word shorter than that would be found everywhere by chance, and prove nothing.
  if (needles.some(({ needle }) => needle.length < headBytes)) throw new Error('a word is too short to be looked for');
  const byHead = new Map();
  const pairs = new Uint8Array(65_536);
  for (const one of needles) {
    const head = one.needle.readUInt32LE(0);
    byHead.set(head, [...(byHead.get(head) ?? []), one]);
    pairs[head & 0xffff] = 1;
  }
  return (content) => {
    const found = new Set();
    for (let at = 0; at + headBytes <= content.length; at += 1) {
      if (pairs[content[at] | (content[at + 1] << 8)] === 0) continue;
      for (const one of byHead.get(content.readUInt32LE(at)) ?? []) {
        if (content.subarray(at, at + one.needle.length).equals(one.needle)) found.add(one);
      }
    }
    return found;
  };
}

/** Samples of some bytes that mean nothing by themselves: 32 of every thousand, of which no two are alike by chance. */
export function samplesOf(bytes) {
  const places = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) => i * 1000);
  return places.map((at) => bytes.subarray(at, at + 32)).filter((sample) => sample.length === 32);
}

/** How many of some bytes (`samplesOf`) stand in some piece. */
export async function countSamples(samples, pieces) {
  const search = searchFor(samples.map((needle) => ({ needle })));
  const found = new Set();
  for (const { read } of pieces) for (const one of search(await read())) found.add(one);
  return found.size;
}

/** Words that the search misses in a text, put into each encoding, that holds them all. Empty, or the search is broken. */
export function missedIn(words, text) {
  const search = searchFor(words.flatMap(needlesOf));
  return encodings.flatMap(({ name, encode }) => {
    const found = [...search(encode(text))].filter(({ encoding }) => encoding === name).map(({ word }) => word);
    return words.filter((word) => !found.includes(word)).map((word) => `${word} (${name})`);
  });
}

const encodings = [
  { name: 'UTF-8', encode: (text) => Buffer.from(text), needles: (word) => [Buffer.from(word)] },
  // Without its last byte, a zero, UTF-16LE is found in UTF-16BE too.
  {
    name: 'UTF-16',
    encode: (text) => Buffer.from(text, 'utf16le'),
    needles: (word) => [Buffer.from(word, 'utf16le').subarray(0, -1)],
  },
  { name: 'hex', encode: (text) => Buffer.from(hex(text)), needles: (word) => [Buffer.from(hex(word))] },
  {
    name: 'HEX',
    encode: (text) => Buffer.from(hex(text).toUpperCase()),
    needles: (word) => [Buffer.from(hex(word).toUpperCase())],
  },
  {
    name: 'base64',
    encode: (text) => Buffer.from(Buffer.from(text).toString('base64')),
    needles: (word) => [0, 1, 2].map((shift) => base64Within(word, shift, 'base64')),
  },
  {
    name: 'base64url',
    encode: (text) => Buffer.from(Buffer.from(text).toString('base64url')),
    needles: (word) => [0, 1, 2].map((shift) => base64Within(word, shift, 'base64url')),
  },
];

/** How many encodings are tried. */
export const encodingCount = encodings.length;

function needlesOf(word) {
  return encodings.flatMap(({ name, needles }) => needles(word).map((needle) => ({ word, encoding: name, needle })));
}

function hex(text) {
  return Buffer.from(text).toString('hex');
}

/** The characters of a base64 text that a word alone decides when it starts `shift` bytes behind a group of three. */
function base64Within(word, shift, alphabet) {
  const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(word)]);
  const decided = bytes.toString(alphabet).slice(Math.ceil((shift * 8) / 6), Math.floor((bytes.length * 8) / 6));
  return Buffer.from(decided);
}
