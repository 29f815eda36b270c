/**
 * What a process writes, noted at the ports of its key tree for an attacker: every page and topmost row, rolled back or not,
 * and what each key was used for. A line of JSON per note, in a file of the process's own.
 */
import { appendFileSync } from 'node:fs';
import { type KeyCrypto, nodeKeyCrypto } from '../../src/keys/page.ts';
import type { KeyStore, KeyTx, PagePlace } from '../../src/model/key-store.ts';

/** Bytes in base64. */
type Text = string;

export type Note =
  | { is: 'use'; key: Text; sealed: Text; plain: Text }
  | { is: 'page'; place: PagePlace; sealed: Text }
  | { is: 'text'; value: unknown }
  /** A slot that was committed to a row, and what was sealed under its key then. */
  | { is: 'artifact'; slot: number; ownerId: string; key: Text; sealed: Text }
  | { is: 'destroyed'; slots: readonly number[] }
  | { is: 'done'; times: Record<string, number> };

export type Recorder = {
  note(note: Note): void;
  crypto: KeyCrypto;
  keyStore(store: KeyStore): KeyStore;
  keyTx(tx: KeyTx): KeyTx;
  /** Everything noted is in the file. */
  flush(): void;
};

/** Notes kept in memory before they are written. */
const notesMax = 2000;

/** @param topLevel where the topmost page stands in the tree. */
export function recorderOf(file: string, topLevel: number): Recorder {
  let lines: string[] = [];
  const flush = () => {
    if (lines.length > 0) appendFileSync(file, `${lines.join('\n')}\n`);
    lines = [];
  };
  const note = (one: Note) => {
    lines.push(JSON.stringify(one));
    if (lines.length >= notesMax) flush();
  };
  const keyTx = (tx: KeyTx): KeyTx => ({
    ...tx,
    async updateTop(change) {
      const { page, ...rest } = change;
      if (page) note({ is: 'page', place: { level: topLevel, index: 0 }, sealed: textOf(page) });
      note({ is: 'text', value: rest });
      await tx.updateTop(change);
    },
    async writePages(pages) {
      for (const { sealed, ...place } of pages) note({ is: 'page', place, sealed: textOf(sealed) });
      await tx.writePages(pages);
    },
    async insertReservation(reservation) {
      note({ is: 'text', value: reservation });
      await tx.insertReservation(reservation);
    },
    async appendJournal(entries) {
      note({ is: 'text', value: entries });
      await tx.appendJournal(entries);
    },
  });
  return {
    note,
    flush,
    keyTx,
    keyStore: (store) => ({
      reads: store.reads,
      write: async (work) => await store.write(async (tx) => await work(keyTx(tx))),
      writeFresh: async (work) => await store.writeFresh(async (tx) => await work(keyTx(tx))),
    }),
    crypto: {
      ...nodeKeyCrypto,
      seal(key, associated, plain, brought) {
        const sealed = nodeKeyCrypto.seal(key, associated, plain, brought);
        note({ is: 'use', key: textOf(key), sealed: textOf(sealed), plain: textOf(plain) });
        return sealed;
      },
    },
  };
}

export function textOf(bytes: Uint8Array): Text {
  return Buffer.from(bytes).toString('base64');
}
