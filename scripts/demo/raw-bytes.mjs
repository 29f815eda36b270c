// The plainest proof there is: look for words in the raw bytes of files.
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

/** Which words occur in which files, in any of the encodings. One line of text per find. */
export async function findInFiles(words, files) {
  const needles = words.flatMap((word) => needlesOf(word).map((needle) => ({ word, ...needle })));
  const found = [];
  let bytes = 0;
  for (const file of files) {
    const content = await readFile(file);
    bytes += content.length;
    for (const { word, encoding, needle } of needles) {
      if (content.includes(needle)) found.push(`${word} (${encoding}) in ${file}`);
    }
  }
  return { found, bytes };
}

/** Pieces of some bytes that mean nothing by themselves: 32 of every thousand, of which no two are alike by chance. */
export function piecesOf(bytes) {
  const places = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) => i * 1000);
  return places.map((at) => bytes.subarray(at, at + 32)).filter((piece) => piece.length === 32);
}

/** How many of the pieces stand in some file. */
export async function countPieces(pieces, files) {
  const contents = await Promise.all(files.map(async (file) => await readFile(file)));
  return pieces.filter((piece) => contents.some((content) => content.includes(piece))).length;
}

/** Words that the search misses in a text, put into each encoding, that holds them all. Empty, or the search is broken. */
export function missedIn(words, text) {
  const haystacks = Object.fromEntries(encodings.map(({ name, encode }) => [name, encode(text)]));
  return words.flatMap((word) => {
    const missed = encodings.filter(({ name }) => {
      const mine = needlesOf(word).filter(({ encoding }) => encoding === name);
      return !mine.some(({ needle }) => haystacks[name].includes(needle));
    });
    return missed.map(({ name }) => `${word} (${name})`);
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
  return encodings.flatMap(({ name, needles }) => needles(word).map((needle) => ({ encoding: name, needle })));
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
