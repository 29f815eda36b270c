import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chainedRow, exportedLine, firstLink, nextLink } from '../../src/engine/audit/audit-chain.ts';
import { newId } from '../../src/lib/ids.ts';
import { startTacet } from '../support/tacet-process.ts';

const tenantId = newId(1_700_000_000_000);
const lines: string[] = [];
const links = [firstLink(tenantId)];
for (let seq = 1; seq <= 5; seq += 1) {
  const at = 1_700_000_000_000 + seq;
  const actor = { kind: 'client', id: 'c-1\u2028' } as const;
  const entry = { id: newId(at), at, tenantId, actor, event: 'call.archived', subjectId: null, detail: { n: seq } };
  const chain = nextLink(links[seq - 1] ?? Buffer.alloc(0), chainedRow(entry, seq));
  links.push(chain);
  lines.push(exportedLine({ ...entry, seq, chain }));
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function fileOf(texts: readonly string[], name = 'audit.ndjson'): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, texts.map((line) => `${line}\n`).join(''));
  return file;
}

/** On a machine without an archive: every place that one could be made in is given, and stays away. */
async function verify(args: string[], input = '') {
  const env = { TACET_HOME: join(folder, 'no-home') };
  const ended = await startTacet(['audit', 'verify', ...args], env, { input }).ended;
  expect((await readdir(folder)).filter((name) => name.startsWith('no-home'))).toEqual([]);
  return ended;
}

describe('`tacet audit verify`', () => {
  test('ends with 0 for a whole export, says what it proves and what not, and makes no archive', async () => {
    const { code, output, errors } = await verify([await fileOf(lines), '--tenant', tenantId]);
    expect([code, errors]).toEqual([0, '']);
    expect(output).toMatch(/^valid\n/);
    expect(output).toContain(`last row: 5 ${links[5]?.toString('hex')}`);
    expect(output).toContain('Rows 1 to 5 are all there');
    expect(output).toMatch(/It does not prove:\n- That row 5 was the last/);
  });

  test('says the same as one JSON document, of standard input too', async () => {
    const { code, output } = await verify(['-', '--tenant', tenantId, '--json'], lines.join('\n'));
    expect(code).toBe(0);
    expect(JSON.parse(output)).toEqual({
      valid: true,
      startProven: true,
      faults: [],
      faultCount: 0,
      chained: 5,
      unchained: 0,
      first: 1,
      last: { seq: 5, chain: links[5]?.toString('hex') },
      proves: [expect.any(String)],
      doesNotProve: expect.any(Array),
    });
  });

  test('takes a part after the chain of the row before it', async () => {
    const part = await fileOf(lines.slice(2), 'part.ndjson');
    const after = links[2]?.toString('hex') ?? '';
    expect((await verify([part, '--after', after])).output).toContain('Rows 3 to 5 are all there');
    const alone = await verify([part]);
    expect(alone.code).toBe(0);
    expect(alone.output).toContain('Rows 4 to 5 are all there');
    expect(alone.output).toContain('Anything about row 3 itself, nor about those before it');
  });

  test('ends with 1 where a row was changed or removed, and says which', async () => {
    const changed = lines.with(2, lines[2]?.replace('call.archived', 'call.read') ?? '');
    const found = await verify([await fileOf(changed, 'changed.ndjson'), '--tenant', tenantId]);
    expect(found.code).toBe(1);
    expect(found.output).toContain('line 3: row 3, or the row before it, was changed');
    expect(found.output).not.toContain('It proves');
    const removed = await verify([await fileOf(lines.toSpliced(1, 2), 'removed.ndjson'), '--json']);
    expect(removed.code).toBe(1);
    expect(JSON.parse(removed.output)).toMatchObject({ valid: false, faults: [{ code: 'missing', from: 2, to: 3 }] });
  });

  test('passes over a line without an end, tells of it, and goes on with the next', async () => {
    const endless = 'x'.repeat(80 * 1024 * 1024);
    const { code, output } = await verify([await fileOf([...lines.slice(0, 2), endless, ...lines.slice(2)]), '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(output)).toMatchObject({ chained: 5, faultCount: 1, faults: [{ code: 'malformed', line: 3 }] });
    // The same where nothing ends it, and where what stands before its end would be a row.
    const last = `${lines[4]}${' '.repeat(2 * 1024 * 1024)}`;
    const cut = await verify(['-', '--json'], [...lines.slice(0, 4), last].join('\n'));
    expect(JSON.parse(cut.output)).toMatchObject({
      chained: 4,
      faultCount: 1,
      faults: [{ code: 'malformed', line: 5 }],
    });
  });

  test.each<[string, string[]]>([
    ['a file that is not there', ['missing.ndjson']],
    ['two starts', ['-', '--tenant', tenantId, '--after', 'ab'.repeat(32)]],
    ['a chain that is none', ['-', '--after', 'ab']],
    ['no file', []],
  ])('ends with 2 and says nothing on standard output for %s', async (_what, args) => {
    expect(await verify(args)).toMatchObject({ code: 2, output: '' });
  });
});
