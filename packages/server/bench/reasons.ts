import { figureId } from './lib/figure.ts';

/**
 * Why a figure misses its bound or aim, by the figure's id. Written by hand after looking, and put beside the figure in
 * `docs/benchmarks.md`.
 */
const reasons: Readonly<Record<string, string>> = {
  'key-tree: destroy 1':
    'Four inner pages and the leaf are read and opened before they are sealed and written; the loop only seals and writes. What is left above it is the fixed cost of a handful of statements.',
  'key-tree: destroy 10000 scattered':
    'Reading and opening every page before it is rewritten costs nearly half of what the loop does; the ratio lies between 1.4 and 1.5 from run to run.',
  'key-tree: destroy 10000 adjacent':
    'Forty leaves and their path: the reading, opening and checking of 10,000 slots that the loop does not do is about a millisecond, beside a loop of one and a half.',
  'purge-by-phone: until keys are destroyed':
    'Besides destroying keys, each call loses three artifact rows and its tokens, gets a tombstone, a journal entry and an item row, and the session ids for the answer are opened first. The transactions are kept short (about 35 ms) so that other requests get their turn, and each commits durably.',
  'purge-by-phone: until verified':
    'Removal starts when the last key is destroyed; it syncs every folder it has unlinked from, waits for a seal, and then looks at every file, slot and token again. The script does none of that.',
  'what-if: p99 among 10000 calls':
    'One request in fifty takes some milliseconds longer, also one that asks for nothing: client, server and their collector and compiler threads share two cores. The median is 1.4 ms.',
  'what-if: p99 among 1000000 calls':
    'As in the small archive: the tail is that of the machine, the median is below 2 ms, and the size of the archive hardly shows.',
  'creovai-status: 100 sessions among 1000000, p99':
    'The median is 7 ms, and the tail that of the machine (see the request that asks for nothing): between 9 and 10.3 ms from run to run.',
  'creovai-purges: 100 random calls a request, 8 at a time':
    'Beside the rows that the loop deletes, each call gets a tombstone, a journal entry and an item row, and its key page is rewritten; random calls share no page. Commits with their checkpoints take a third of the time, SQL another fifth.',
  'creovai-purges: 100 adjacent calls a request, 8 at a time':
    'As with random calls, but for the key pages, which a hundred neighbours share.',
  'depersonalize: one call a request, 8 at a time':
    'Two durable commits a request, shared by those that arrive together, in the place of the one of the loop: the gate, and the keys. They write fifteen rows (erasure, item, job, journal, two audit rows, the call, its artifacts and tokens) and five key pages, and a third pass over all of it, which ends the erasure, shares the same two cores with client and server. HTTP and the token take a tenth.',
  'archive: recordings of 200000 bytes, 8 at a time':
    'An upload commits twice, once so that its slots are named before anything is sealed under them, and once when it is whole; SQLite commits stop the event loop, and the rest of a request (parsing, tokens, sealing four artifacts, two syncs on other threads) shares two cores with the client. The loop does one insert and no HTTP.',
  'scale-what-if: p99 among 100000 calls':
    'A what-if is 13 statements, each a round trip to another process, and the tail is that of client, server, PostgreSQL and their collectors on two cores: see the request that asks for nothing.',
  'scale-what-if: p99 among 1000000 calls':
    'As in the small archive; the statements are the same and each finds its rows by an index.',
  'scale-archive: recordings of 20000 bytes, 8 at a time':
    'All five programs share two cores, and an upload takes some 29 ms of them beside the 8 of a bare PUT: the server 14 (HTTP, 33 statements, four sealings, two requests to S3), PostgreSQL 4 for two durable commits, S3 10 instead of 5, the client 1. Half of the work of S3 is asking it after each PUT whether the name was free, which stores with conditional writes do not need.',
  'scale-archive: recordings of 1048576 bytes, 8 at a time':
    'As with the small ones, and every byte passes through the server: it comes by HTTP, is sealed, signed and sent on.',
  'scale-memory: growth over 10 minutes of mixed load':
    'Most of it is code that V8 compiles while a server is young. One that went through 4,000 rounds at full speed had 46.8 MiB in its heap after 1,600 of them and 47.8 MiB in the end, and nearly all of the difference was compiled code; its resident memory went up and down without a trend.',
};

/** The reason, or words that ask for one. */
export function reasonFor(figure: { benchmark: string; name: string }): string {
  return reasons[figureId(figure)] ?? 'No reason is known yet.';
}
