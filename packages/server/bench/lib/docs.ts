import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { reasonFor } from '../reasons.ts';
import type { Sizes } from './benchmark.ts';
import { cellsOf, columns, type Figure, figureId, missesAim, verdictOf } from './figure.ts';
import { describeMachine } from './machine.ts';

const file = fileURLToPath(new URL('../../../../docs/benchmarks.md', import.meta.url));

/** Writes `docs/benchmarks.md`: the machine, every figure beside its baseline, and why what misses its aim does. */
export async function writeDocs(figures: readonly Figure[], sizes: Sizes, folder: string): Promise<void> {
  const machine = await describeMachine(folder);
  const short = figures.filter((figure) => verdictOf(figure) === 'MISS' || missesAim(figure));
  const lines = [
    '# Benchmarks',
    '',
    'Made by `npm run bench -- --write-docs`; the reasons stand in `packages/server/bench/reasons.ts`. A ratio is ours',
    'divided by the baseline, and both were measured in the same run on the same disk: on another machine the times differ',
    'and the ratios should not. What each baseline does is said in the source of its benchmark.',
    '',
    ...tableOf(['machine', ''], machine),
    '',
    `Sizes: ${sizesOf(sizes)}.`,
    '',
    ...tableOf(columns, figures.map(cellsOf)),
    '',
    '## What misses its bound or its aim, and why',
    '',
    ...(short.length === 0
      ? ['Nothing does.']
      : short.map((figure) => `- **${figureId(figure)}**: ${reasonFor(figure)}`)),
    '',
  ];
  await writeFile(file, lines.join('\n'));
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
    `${sizes.depersonalizeCalls} calls depersonalized one by one and ${sizes.candidateCalls} of one candidate, each with ${sizes.objectBytes} bytes`,
    `${sizes.uploads} uploads`,
    `one recording of ${sizes.longBytes} bytes`,
  ].join('; ');
}
