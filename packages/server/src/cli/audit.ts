import { Command } from 'commander';
import { linkBytes } from '../engine/audit/audit-chain.ts';
import {
  type ExportFault,
  type ExportReport,
  type ExportStart,
  lineLengthMax,
  verifyExport,
} from '../engine/audit/verify-export.ts';
import { AppError } from '../model/errors.ts';
import type { Surroundings } from './command-line.ts';
import { exitCodes, explain } from './exit-codes.ts';
import { givenLines } from './given-file.ts';
import { print } from './with-app.ts';

type Options = { tenant?: string; after?: string; json?: boolean };

/**
 * `tacet audit verify FILE`: 0 the chain is whole, 1 it is not, 2 could not run. Opens no archive and makes none.
 *
 * With `--json` one document: `{ "valid", "chained", "unchained", "first", "last": { "seq", "chain" }, "startProven",
 * "faults": [{ "code", ... }], "faultCount", "proves": [...], "doesNotProve": [...] }`.
 */
export function auditCommands(around: Surroundings): Command {
  const audit = new Command('audit').description('The audit: what was done, by whom');
  audit
    .command('verify')
    .description('Check an exported audit offline: whether rows were changed or removed')
    .argument('<file>', 'the export (of GET /v1/audit/export), or - for standard input')
    .option('--tenant <id>', 'the file begins with the first row of this tenant')
    .option('--after <chain>', 'the file begins after the row with this chain (64 hex digits)')
    .option('--json', 'one JSON document on standard output')
    .action(async (file: string, options: Options) => {
      try {
        const report = await verifyExport(givenLines(file, lineLengthMax), startOf(options));
        if (options.json) print(true, jsonOf(report));
        else process.stdout.write(readable(report));
        around.exitWith(report.isValid ? exitCodes.ok : exitCodes.failed);
      } catch (error) {
        process.stderr.write(`tacet: ${explain(error)}\n`);
        around.exitWith(exitCodes.unusable);
      }
    });
  return audit;
}

function startOf({ tenant, after }: Options): ExportStart {
  if (tenant !== undefined && after !== undefined) {
    throw new AppError('input_invalid', { message: 'Give --tenant or --after, not both' });
  }
  if (tenant !== undefined) return { tenantId: tenant };
  if (after === undefined) return undefined;
  const before = Buffer.from(after, 'hex');
  if (before.length !== linkBytes || before.toString('hex') !== after.toLowerCase()) {
    throw new AppError('input_invalid', { message: `--after takes ${2 * linkBytes} hex digits` });
  }
  return { before };
}

function jsonOf(report: ExportReport): Record<string, unknown> {
  const { isValid: valid, isStartProven: startProven, ...rest } = report;
  return { valid, startProven, ...rest, ...wordsOf(report) };
}

function readable(report: ExportReport): string {
  const { faults, faultCount } = report;
  const { proves, doesNotProve } = wordsOf(report);
  const more = faultCount > faults.length ? [`and ${faultCount - faults.length} more`] : [];
  const found = [...faults.map(faultWords), ...more];
  const end = report.last === null ? [] : [`last row: ${report.last.seq} ${report.last.chain}`];
  return [
    report.isValid ? 'valid' : 'not valid:',
    ...found.map((words) => `- ${words}`),
    ...end,
    ...(proves.length === 0 ? [] : ['', 'It proves:', ...proves.map((words) => `- ${words}`)]),
    ...['', 'It does not prove:', ...doesNotProve.map((words) => `- ${words}`), ''],
  ].join('\n');
}

function faultWords(fault: ExportFault): string {
  switch (fault.code) {
    case 'malformed':
      return `line ${fault.line} is not a row as it was exported`;
    case 'changed':
      return `line ${fault.line}: row ${fault.seq}, or the row before it, was changed`;
    case 'missing':
      return `rows ${fault.from} to ${fault.to} are missing`;
    case 'repeated':
      return `line ${fault.line}: number ${fault.seq} comes twice, or out of its place`;
    case 'start':
      return `the file begins with row ${fault.seq}, not with the first of the tenant`;
  }
}

function wordsOf(report: ExportReport): { proves: string[]; doesNotProve: string[] } {
  return { proves: report.isValid ? proves(report) : [], doesNotProve: doesNotProve(report) };
}

function proves({ first, last, isStartProven }: ExportReport): string[] {
  if (first === null || last === null) return [];
  const from = isStartProven ? first : first + 1;
  if (from > last.seq) return [];
  return [
    `Rows ${from} to ${last.seq} are all there, in the order in which they were chained, and none was changed since, as long as the chain of row ${last.seq} is the one that the archive had.`,
  ];
}

function doesNotProve({ first, last, isStartProven, unchained }: ExportReport): string[] {
  const end =
    last === null
      ? 'Anything: no row has a number.'
      : `That row ${last.seq} was the last, or that the archive had this chain: compare its chain with one that was kept elsewhere, such as in an older or a younger export.`;
  return [
    end,
    ...(first !== null && !isStartProven
      ? [
          `Anything about row ${first} itself${first > 1 ? ', nor about those before it' : ''}: give --tenant or --after, where you know it.`,
        ]
      : []),
    ...(unchained > 0 ? [`Anything about ${unchained} row(s) that were too young to have a number.`] : []),
    'That what was written down was true: whoever runs the server can have had it write other rows, or chained them all anew.',
  ];
}
