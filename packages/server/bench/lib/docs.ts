import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { reasonFor } from '../reasons.ts';
import type { ScaleSizes } from '../scale/sizes.ts';
import type { Sizes } from './benchmark.ts';
import { cellsOf, columns, type Figure, figureId, missesAim, seriesOf, verdictOf } from './figure.ts';
import type { Fact } from './machine.ts';
import type { Suite } from './options.ts';

const file = fileURLToPath(new URL('../../../../docs/benchmarks.md', import.meta.url));

const head = `# Benchmarks

Made by \`npm run bench -- --write-docs\` and \`npm run bench -- --scale --write-docs\`, each its part; the reasons stand in
\`packages/server/bench/reasons.ts\`. A ratio is ours divided by the baseline, and both were measured in the same run on the
same disk: on another machine the times differ and the ratios should not. What each baseline does is said in the source of
its benchmark.
`;

/** The parts of the page, in their order, by the headings that they begin with. */
const headings: Readonly<Record<Suite, string>> = {
  embedded: '## One machine: SQLite and files',
  scale: '## At scale: PostgreSQL and S3',
};
const suites: readonly Suite[] = ['embedded', 'scale'];

/** What a run came to. Facts are lines about the machine and what ran on it. */
export type Run = { suite: Suite; sizes: Sizes; facts: readonly Fact[]; figures: readonly Figure[] };

/**
 * Writes a part of `docs/benchmarks.md` and leaves the other as it is: the machine, every figure beside its baseline, and
 * why what misses its bound or aim does.
 */
export async function writeDocs(run: Run): Promise<void> {
  await writeFile(file, pageWith(await readFile(file, 'utf8').catch(() => ''), run.suite, partOf(run)));
}

/** The page with `part`, without its heading, in the place of what it has of a suite, or where that belongs. */
export function pageWith(page: string, suite: Suite, part: string): string {
  const parts = page.split(/^(?=## )/m);
  const text = (one: Suite) => {
    if (one === suite) return [`${headings[one]}\n\n${part.trimEnd()}\n`];
    return parts.filter((there) => there.startsWith(headings[one])).map((there) => `${there.trimEnd()}\n`);
  };
  return [head, ...suites.flatMap(text)].join('\n');
}

function partOf({ suite, sizes, facts, figures }: Run): string {
  const short = figures.filter((figure) => verdictOf(figure) === 'MISS' || missesAim(figure));
  const series = figures.flatMap((figure) => seriesOf(figure) ?? []);
  const lines = [
    ...tableOf(['machine', ''], facts),
    '',
    `Sizes: ${suite === 'scale' ? scaleSizesOf(sizes.scale) : sizesOf(sizes)}.`,
    '',
    ...tableOf(columns, figures.map(cellsOf)),
    '',
    ...series.flatMap((line) => [`${line}.`, '']),
    '### What misses its bound or its aim, and why',
    '',
    ...(short.length === 0
      ? ['Nothing does.']
      : short.map((figure) => `- **${figureId(figure)}**: ${reasonFor(figure)}`)),
  ];
  return lines.join('\n');
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

function sizesOf(sizes: Sizes): string {
  return [
    `${sizes.slots} slots`,
    `${sizes.purgeRecordings} recordings of ${sizes.recordingBytes} bytes among ${sizes.purgeCalls} calls`,
    `${sizes.whatIfNumbers} numbers among ${sizes.whatIfCalls.join(' and ')} calls`,
    `${sizes.statusRequests} status requests among ${sizes.statusCalls} calls`,
    `${sizes.purgeIdRequests} purges a turn among ${sizes.purgeIdCalls} calls`,
    `plans by ${sizes.planIdentifiers} identifiers, and of ${sizes.planCalls} calls`,
    `${sizes.depersonalizeCalls} calls depersonalized one by one and ${sizes.candidateCalls} of one candidate, each with ${sizes.objectBytes} bytes`,
    `${sizes.uploads} uploads`,
    `one recording of ${sizes.longBytes} bytes`,
  ].join('; ');
}

function scaleSizesOf(sizes: ScaleSizes): string {
  const [small, large] = sizes.calls;
  return [
    `${sizes.customerCalls} calls of the customer with ${sizes.objectBytes} bytes each`,
    `${sizes.whatIfNumbers} numbers among ${small} and ${large} calls`,
    `${sizes.erasures.join(' and ')} calls erased one by one`,
    `${sizes.uploads[0]} uploads of ${sizes.objectBytes} bytes and ${sizes.uploads[1]} of ${sizes.largeBytes}`,
    `${sizes.memoryMs / 60_000} minutes of mixed load after ${sizes.warmUpMs / 1000} s`,
  ].join('; ');
}
