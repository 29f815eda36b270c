/** What a process that uses Twin24's methods writes down, so that whoever comes after its death knows what to expect. */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MethodStage, StageStates } from '../support/method-stage.ts';
import type { ErasingMethod } from '../support/twin-erasing.ts';

export type MethodDeed =
  | { did: 'made'; stage: MethodStage; states: StageStates }
  | { did: 'answered'; method: ErasingMethod };

export function methodLedger(folder: string) {
  const file = join(folder, 'ledger');
  return {
    // Synchronous: what a killed process has handed to the system is there for the next one.
    tell: (deed: MethodDeed): void => appendFileSync(file, `${JSON.stringify(deed)}\n`),
    // The lines are this file's own.
    read: (): MethodDeed[] =>
      readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as MethodDeed),
  };
}
