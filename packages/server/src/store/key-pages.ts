import type { KeyReads, KeyTx, PagePlace, Reservation, StoredPage } from '../model/key-store.ts';
import type { StoreReads } from '../model/store.ts';
import { batches, marks, perBatch } from './batches.ts';
import { changeOne } from './changes.ts';
import { journalWrites, knownSeals } from './journal.ts';
import { takeNamed } from './locks.ts';
import { toFlag, toTop } from './rows.ts';
import type { Parameter, Session } from './session.ts';
import type { Row } from './tables.ts';

// DESIGN section 3: five levels of 256, so that no level has more than 2^40 pages.
const pagesPerLevel = 2 ** 40;

const topColumns = 'archive_id, key_id, generation, sealed_at, is_restoring, next_leaf, page';
type TopColumns = Omit<Row<'archive'>, 'one'>;
type PageRow = Row<'key_page'>;

export function keyReads(session: Session): KeyReads & StoreReads['keys'] {
  return {
    readTop: () => readTop(session, ''),
    readPath: (places) => readPath(session, places),
    readPages: (places) => readPages(session, places),
    /** Slots that artifacts and token epochs name. */
    async namedSlots(from, to) {
      const sql = `SELECT slot FROM artifact WHERE slot BETWEEN ? AND ?
        UNION SELECT slot FROM epoch WHERE slot BETWEEN ? AND ? ORDER BY slot`;
      return (await session.rows<{ slot: number }>(sql, [from, to, from, to])).map((row) => row.slot);
    },
    knownSeals: (seals) => knownSeals(session, seals),
    async places(after, limit) {
      const sql = 'SELECT place FROM key_page WHERE place > ? ORDER BY place LIMIT ?';
      const rows = await session.rows<Pick<PageRow, 'place'>>(sql, [after === undefined ? -1 : placeOf(after), limit]);
      return rows.map(({ place }) => fromPlace(place));
    },
    async seals(afterGeneration, limit) {
      const sql = 'SELECT * FROM seal WHERE generation > ? ORDER BY generation, key_id LIMIT ?';
      const rows = await session.rows<Row<'seal'>>(sql, [afterGeneration, limit]);
      return rows.map((row) => ({ generation: row.generation, keyId: row.key_id, sealedAt: row.sealed_at }));
    },
    async reservedLeaves(from, to) {
      const sql = 'SELECT leaf FROM reservation WHERE leaf BETWEEN ? AND ? ORDER BY leaf';
      return (await session.rows<{ leaf: number }>(sql, [from, to])).map((row) => row.leaf);
    },
  };
}

export function keyWrites(session: Session): KeyTx {
  return {
    ...keyReads(session),
    ...journalWrites(session),
    ...reservationWrites(session),
    async lockTop() {
      const { advisory, lock } = session.dialect;
      const top = await readTop(session, lock.alone);
      if (top !== undefined || advisory === null) return top;
      // There is no row to lock before the archive was created: those who would create it come one after the other.
      await takeNamed(session, 'create the archive', 'alone');
      return await readTop(session, lock.alone);
    },
    async createTop(row) {
      const sql = `INSERT INTO archive (one, ${topColumns}) VALUES (1, ${marks(7)})`;
      const { archiveId, keyId, generation, sealedAt, isRestoring, nextLeaf, page } = row;
      await session.change(sql, [archiveId, keyId, generation, sealedAt, toFlag(isRestoring), nextLeaf, page]);
    },
    /** Throws Bug before the archive was created. */
    async updateTop(change) {
      const columns = {
        key_id: change.keyId,
        generation: change.generation,
        sealed_at: change.sealedAt,
        is_restoring: change.isRestoring === undefined ? undefined : toFlag(change.isRestoring),
        next_leaf: change.nextLeaf,
        page: change.page,
      };
      await changeOne(session, { table: 'archive', by: 'one', key: 1 }, columns);
    },
    async writePages(pages) {
      const { sliced } = session.dialect;
      if (sliced !== null && pages.length > 1) await session.change(upsertPages(sliced), slicesOf(pages));
      else for (const page of pages) await session.change(upsertPage, [placeOf(page), page.sealed]);
    },
  };
}

const orReplace = 'ON CONFLICT (place) DO UPDATE SET sealed = excluded.sealed';

// One row at a time where there is no round trip: with pages this large, binding many to one statement costs more than it
// saves (9 ms against 23 ms for 3,900 pages in a bare loop).
const upsertPage = `INSERT INTO key_page (place, sealed) VALUES (?, ?) ${orReplace}`;

function upsertPages(sliced: string): string {
  return `INSERT INTO key_page (place, sealed) SELECT key, bytes FROM ${sliced} ${orReplace}`;
}

/** What `SqlDialect.sliced` takes: pages travel as they are, not as text. */
function slicesOf(pages: readonly StoredPage[]): Parameter[] {
  const starts: number[] = [];
  let start = 1;
  for (const { sealed } of pages) {
    starts.push(start);
    start += sealed.length;
  }
  return [
    Buffer.concat(pages.map(({ sealed }) => sealed)),
    pages.map(placeOf),
    starts,
    pages.map(({ sealed }) => sealed.length),
  ];
}

type ReservationTx = Pick<
  KeyTx,
  | 'insertReservation'
  | 'renewReservation'
  | 'holdReservation'
  | 'findReservations'
  | 'deleteReservation'
  | 'endReservation'
>;

function reservationWrites(session: Session): ReservationTx {
  return {
    async insertReservation({ leaf, owner, leaseUntil }) {
      const sql = 'INSERT INTO reservation (leaf, owner, lease_until) VALUES (?, ?, ?)';
      await session.change(sql, [leaf, owner, leaseUntil]);
    },
    async renewReservation({ leaf, owner, leaseUntil }) {
      const sql = 'UPDATE reservation SET lease_until = ? WHERE leaf = ? AND owner = ?';
      return (await session.change(sql, [leaseUntil, leaf, owner])) === 1;
    },
    async holdReservation({ leaf, owner }) {
      const sql = `SELECT leaf FROM reservation WHERE leaf = ? AND owner = ? ${session.dialect.lock.kept}`;
      return (await session.rows(sql, [leaf, owner])).length === 1;
    },
    /** By leaf. */
    async findReservations(which) {
      const all = session.builder.selectFrom('reservation').selectAll().orderBy('leaf');
      const chosen = () => {
        if (which === 'all') return all;
        if ('owner' in which) return all.where('owner', '=', which.owner);
        return all.where('lease_until', '<=', which.endedBy);
      };
      const rows = await chosen().execute();
      return rows.map((row): Reservation => ({ leaf: row.leaf, owner: row.owner, leaseUntil: row.lease_until }));
    },
    async deleteReservation(leaf) {
      await session.change('DELETE FROM reservation WHERE leaf = ?', [leaf]);
    },
    async endReservation({ leaf, owner, leaseUntil }) {
      const sql = 'DELETE FROM reservation WHERE leaf = ? AND owner = ? AND lease_until = ?';
      return (await session.change(sql, [leaf, owner, leaseUntil])) === 1;
    },
  };
}

async function readTop(session: Session, lock: string) {
  const [row] = await session.rows<TopColumns>(`SELECT ${topColumns} FROM archive ${lock}`, []);
  return row && toTop(row);
}

/** One statement sees one instant: a page and the page that holds its key belong together. */
async function readPath(session: Session, places: readonly PagePlace[]) {
  const among = amongPlaces(session, places);
  const sql = `SELECT NULL AS place, NULL AS sealed, ${topColumns} FROM archive
    UNION ALL SELECT place, sealed, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM key_page WHERE ${among.text}`;
  const rows = await session.rows<PathRow>(sql, among.parameters);
  const pages: StoredPage[] = [];
  let top: TopColumns | undefined;
  for (const row of rows) {
    if (row.place === null) top = row;
    else pages.push(toPage(row));
  }
  return top && { top: toTop(top), pages };
}

type PathRow = (TopColumns & { place: null }) | PageRow;

async function readPages(session: Session, places: readonly PagePlace[]): Promise<StoredPage[]> {
  const pages: StoredPage[] = [];
  for (const batch of session.dialect.unnested === null ? batches(places) : [places]) {
    const among = amongPlaces(session, batch);
    const rows = await session.rows<PageRow>(
      `SELECT place, sealed FROM key_page WHERE ${among.text}`,
      among.parameters,
    );
    for (const row of rows) pages.push(toPage(row));
  }
  return pages;
}

/** A condition on places: one list where it is bound in one go, and each by itself where that is faster. */
function amongPlaces({ dialect }: Session, places: readonly PagePlace[]): { text: string; parameters: Parameter[] } {
  const numbers = places.map(placeOf);
  if (dialect.unnested === null) return { text: placesAmong(numbers), parameters: numbers };
  return { text: dialect.within('place'), parameters: [dialect.list(numbers)] };
}

const placesAmong = perBatch((size) => `place IN (${marks(size)})`);

function placeOf({ level, index }: PagePlace): number {
  return level * pagesPerLevel + index;
}

function fromPlace(place: number): PagePlace {
  return { level: Math.floor(place / pagesPerLevel), index: place % pagesPerLevel };
}

function toPage({ place, sealed }: PageRow): StoredPage {
  return { ...fromPlace(place), sealed };
}
