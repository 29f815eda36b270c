import { canonicalJson } from '../../lib/canonical-json.ts';
import { isRecord } from '../../lib/compact-jws.ts';
import { firstLink, linkBytes, nextLink } from './audit-chain.ts';

/** What was found wrong, with the rows that it is about. */
export type ExportFault =
  /** A line is not a row as it was exported. */
  | { code: 'malformed'; line: number }
  /** A row does not give its link after the row before it: one of the two was changed. */
  | { code: 'changed'; line: number; seq: number }
  /** Rows from one number to another are not there. */
  | { code: 'missing'; from: number; to: number }
  /** A number comes twice, or far from its place. */
  | { code: 'repeated'; line: number; seq: number }
  /** The file does not begin where the given start says. */
  | { code: 'start'; seq: number };

export type ExportReport = {
  isValid: boolean;
  /** The first hundred. */
  faults: ExportFault[];
  faultCount: number;
  /** Rows with a number. */
  chained: number;
  /** Rows without: they were too young, and nothing is proven of them. */
  unchained: number;
  first: number | null;
  last: { seq: number; chain: string } | null;
  /** False where the first row's link was taken as it stands, since nobody knows the link before it. */
  isStartProven: boolean;
};

/** Where the chain begins: the tenant whose first row is in the file, or the link of the row before the first. */
export type ExportStart = { tenantId: string } | { before: Uint8Array } | undefined;

/** A row that is checked: its number, its link, and all of it but the link. */
type Row = { line: number; seq: number; chain: Buffer; rest: Record<string, unknown> };

/** Rows of late transactions come a little late; further apart rows of an export never are. Bounds memory. */
const windowMax = 2_000;
const faultsListed = 100;

/** No row of an export is longer, in characters: rows hold ids, counts and codes. */
export const lineLengthMax = 1024 * 1024;

/**
 * Recomputes the chain of an exported audit, line by line, with what is in the file and nothing else. The rows may come in
 * the order of their numbers or of their ids. Memory does not grow with the file.
 *
 * @param lines undefined for one that is longer than `lineLengthMax`: it is malformed, whatever it says.
 */
export async function verifyExport(
  lines: AsyncIterable<string | undefined>,
  start: ExportStart,
): Promise<ExportReport> {
  const check = new ExportCheck(start);
  let line = 0;
  for await (const text of lines) {
    line += 1;
    check.read(text, line);
  }
  return check.end();
}

class ExportCheck {
  readonly #start: ExportStart;
  /** Rows that wait for younger numbers, ascending. */
  readonly #window: Row[] = [];
  readonly #report: ExportReport = {
    isValid: true,
    faults: [],
    faultCount: 0,
    chained: 0,
    unchained: 0,
    first: null,
    last: null,
    isStartProven: false,
  };
  #before: { seq: number; chain: Uint8Array } | undefined;

  constructor(start: ExportStart) {
    this.#start = start;
  }

  read(text: string | undefined, line: number): void {
    const row = text === undefined ? undefined : rowOf(text, line);
    if (row === undefined) this.#fault({ code: 'malformed', line });
    else if (row === 'unchained') this.#report.unchained += 1;
    else this.#wait(row);
  }

  end(): ExportReport {
    for (const row of this.#window) this.#check(row);
    return this.#report;
  }

  /** Rows come nearly in order, so that a new one belongs at or near the end. */
  #wait(row: Row): void {
    let at = this.#window.length;
    while (at > 0 && (this.#window[at - 1]?.seq ?? 0) > row.seq) at -= 1;
    this.#window.splice(at, 0, row);
    if (this.#window.length > windowMax) {
      const oldest = this.#window.shift();
      if (oldest !== undefined) this.#check(oldest);
    }
  }

  #check(row: Row): void {
    const { seq, chain, line } = row;
    const before = this.#before ?? this.#begin(row);
    this.#report.chained += 1;
    if (before !== undefined && seq <= before.seq) {
      this.#fault({ code: 'repeated', line, seq });
      return;
    }
    const isNext = before !== undefined && seq === before.seq + 1;
    if (before !== undefined && !isNext) this.#fault({ code: 'missing', from: before.seq + 1, to: seq - 1 });
    if (isNext && !nextLink(before.chain, row.rest).equals(chain)) this.#fault({ code: 'changed', line, seq });
    // The row's own link, whatever was found: so that each fault is told once.
    this.#before = { seq, chain };
    this.#report.last = { seq, chain: chain.toString('hex') };
  }

  /** What stands before the first row, as far as anybody knows. */
  #begin({ seq }: Row): { seq: number; chain: Uint8Array } | undefined {
    this.#report.first = seq;
    if (this.#start === undefined) return undefined;
    if ('before' in this.#start) {
      this.#report.isStartProven = true;
      return { seq: seq - 1, chain: this.#start.before };
    }
    if (seq !== 1) {
      this.#fault({ code: 'start', seq });
      return undefined;
    }
    this.#report.isStartProven = true;
    return { seq: 0, chain: firstLink(this.#start.tenantId) };
  }

  #fault(fault: ExportFault): void {
    this.#report.isValid = false;
    this.#report.faultCount += 1;
    if (this.#report.faults.length < faultsListed) this.#report.faults.push(fault);
  }
}

/** Undefined for what is no line of an export: as canonical JSON it has one text, in which nothing can be said twice. */
function rowOf(text: string, line: number): Row | 'unchained' | undefined {
  const value = parsed(text);
  if (!isRecord(value) || canonicalJson(value) !== text) return undefined;
  const { chain, ...rest } = value;
  const { seq } = value;
  if (seq === null && chain === null) return 'unchained';
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  if (typeof chain !== 'string' || !/^[0-9a-f]+$/.test(chain) || chain.length !== 2 * linkBytes) return undefined;
  return { line, seq, chain: Buffer.from(chain, 'hex'), rest };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
