import { expect, it } from 'vitest';
import { Findings } from '../../src/engine/fsck/findings.ts';
import { problemMeanings } from '../../src/engine/fsck/problem-meanings.ts';
import { audit, receiptKeys } from './audit-damages.ts';
import * as campaigns from './campaign-damages.ts';
import { copies } from './copy-damages.ts';
import * as outside from './outside-damages.ts';
import * as rows from './row-damages.ts';
import { tokens, tombstones } from './token-damages.ts';
import * as tree from './tree-damages.ts';

it('every problem that fsck can name is found by some test that plants it', () => {
  const tables = [
    ...[outside, rows, campaigns, tree].flatMap((file) => Object.values(file)),
    tokens,
    tombstones,
    copies,
    audit,
    receiptKeys,
  ];
  const found = new Set(tables.flatMap((table) => Object.values(table).flatMap((damage) => damage.finds)));
  expect([...found].sort()).toEqual(Object.keys(problemMeanings).sort());
});

it('a damage that hits very many rows is counted in full and listed in part', () => {
  const findings = new Findings();
  for (let slot = 0; slot < 1000; slot += 1) findings.problem('slot_unnamed', `slot ${slot}`);
  findings.problem('slot_shared', 'slot 7');
  const { problems } = findings.report(false);
  expect(problems).toHaveLength(102);
  expect(problems.slice(-2)).toEqual([
    { code: 'slot_shared', what: 'slot 7' },
    { code: 'slot_unnamed', what: 'and 900 more' },
  ]);
});
