import { type Faults, noFaults } from '../lib/faults.ts';

/**
 * For crash tests: `TACET_FAULT=point` or `point#3` ends the process by SIGKILL when it comes to that point (for the
 * third time). Without the name nothing is armed and nothing is looked at.
 */
export function faultsFrom(env: Readonly<Record<string, string | undefined>>): Faults {
  const armed = env['TACET_FAULT'];
  if (armed === undefined) return noFaults;
  const match = /^(.*?)(?:#(\d+))?$/.exec(armed);
  let left = Number(match?.[2] ?? 1);
  return {
    at(point) {
      if (point !== match?.[1]) return;
      left -= 1;
      if (left === 0) process.kill(process.pid, 'SIGKILL');
    },
  };
}
