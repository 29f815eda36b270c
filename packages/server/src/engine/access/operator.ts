import type { Actor } from '../../model/erasure.ts';

/** Whoever runs the command line on the machine itself. */
export const operator: Actor = { kind: 'cli', id: 'operator' };
