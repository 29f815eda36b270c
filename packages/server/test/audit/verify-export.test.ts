import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chainedRow, exportedLine, firstLink, nextLink } from '../../src/engine/audit/audit-chain.ts';
import { type ExportStart, verifyExport } from '../../src/engine/audit/verify-export.ts';
import { newId } from '../../src/lib/ids.ts';
import type { ChainedEntry } from '../../src/model/tenant.ts';

const tenantId = newId(1_700_000_000_000);

/** A chain of so many rows. */
function chainOf(count: number): ChainedEntry[] {
  const rows: ChainedEntry[] = [];
  let chain: Uint8Array = firstLink(tenantId);
  for (let seq = 1; seq <= count; seq += 1) {
    const at = 1_700_000_000_000 + seq;
    const actor = { kind: 'client', id: `c-${seq % 3}` } as const;
    const entry = { id: newId(at), at, tenantId, actor, event: 'call.archived', subjectId: null, detail: { n: seq } };
    chain = nextLink(chain, chainedRow(entry, seq));
    rows.push({ ...entry, seq, chain });
  }
  return rows;
}

const rows = chainOf(20);
const lines = rows.map(exportedLine);

async function* each(texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}

async function verified(texts: readonly string[], start: ExportStart = { tenantId }) {
  return await verifyExport(each(texts), start);
}

function chainText(place: number): string {
  return Buffer.from(rows[place]?.chain ?? []).toString('hex');
}

describe('an exported audit', () => {
  test('is valid as a whole, with a start that is proven', async () => {
    expect(await verified(lines)).toEqual({
      isValid: true,
      faults: [],
      faultCount: 0,
      chained: 20,
      unchained: 0,
      first: 1,
      last: { seq: 20, chain: chainText(19) },
      isStartProven: true,
    });
  });

  test('is valid as a part after a known row; and without one, but for its first row', async () => {
    const part = lines.slice(7);
    expect(await verified(part, { before: rows[6]?.chain ?? new Uint8Array() })).toMatchObject({
      isValid: true,
      first: 8,
      isStartProven: true,
    });
    expect(await verifyExport(each(part), undefined)).toMatchObject({ isValid: true, first: 8, isStartProven: false });
    expect(await verified(part, { before: new Uint8Array(32) })).toMatchObject({
      faults: [{ code: 'changed', seq: 8 }],
    });
    expect(await verified(part)).toMatchObject({ isValid: false, faults: [{ code: 'start', seq: 8 }] });
  });

  test('of another tenant is not valid from its first row on', async () => {
    const report = await verified(lines, { tenantId: newId(1) });
    expect(report).toMatchObject({ isValid: false, faults: [{ code: 'changed', seq: 1 }] });
  });

  test('may have its rows in the order of their ids, and rows that are too young for a number', async () => {
    const [second, third, ...rest] = lines.slice(1);
    const young = exportedLine({ ...(rows[0] as ChainedEntry), seq: null, chain: null });
    const report = await verified([lines[0] ?? '', third ?? '', second ?? '', ...rest, young]);
    expect(report).toMatchObject({ isValid: true, chained: 20, unchained: 1 });
  });

  test('tells which rows are missing, and a row that is there twice', async () => {
    const missing = await verified(lines.filter((_line, place) => place !== 4 && place !== 5));
    expect(missing).toMatchObject({ isValid: false, faults: [{ code: 'missing', from: 5, to: 6 }], faultCount: 1 });
    const twice = await verified([...lines.slice(0, 5), ...lines.slice(4)]);
    expect(twice).toMatchObject({ isValid: false, faults: [{ code: 'repeated', line: 6, seq: 5 }], faultCount: 1 });
  });

  test('is not valid after any change of a single character', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(19), fc.nat(10_000), fc.integer({ min: 0x20, max: 0x7e }), async (place, at, code) => {
        const line = lines[place] ?? '';
        const where = at % line.length;
        const changed = `${line.slice(0, where)}${String.fromCharCode(code)}${line.slice(where + 1)}`;
        fc.pre(changed !== line);
        const report = await verified(lines.with(place, changed));
        expect(report.isValid).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('takes nothing that says a thing twice, or in another form than it was exported in', async () => {
    const [first = ''] = lines;
    const forms = [first.replace('{', '{"event":"x",'), first.replace(',', ', '), `${first} `, '', '[]', '{}', '{'];
    for (const form of forms) {
      const report = await verified(lines.with(0, form));
      expect(report.faults[0], form).toEqual({ code: 'malformed', line: 1 });
    }
  });

  test('of any size takes no more memory than a window of it: faults are counted, and the first hundred listed', async () => {
    const long = chainOf(5_000).map(exportedLine);
    expect(await verified(long)).toMatchObject({ isValid: true, chained: 5_000 });
    const everyOther = long.filter((_line, place) => place % 2 === 0);
    const report = await verified(everyOther);
    expect(report.faultCount).toBe(2_499);
    expect(report.faults).toHaveLength(100);
  });
});
