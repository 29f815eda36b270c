import { expect, test } from 'vitest';
import { closureOf } from './attacker.ts';
import { connectionHistories } from './histories-connections.ts';
import { copyHistories } from './histories-copies.ts';
import { faultHistories } from './histories-faults.ts';
import { recoveryHistories } from './histories-recovery.ts';
import { nameOf } from './ledger.ts';
import { realModules } from './modules.ts';
import { play } from './stage.ts';
import { lootOf } from './verdict.ts';
import type { World } from './world.ts';

const histories = [...faultHistories, ...copyHistories, ...connectionHistories, ...recoveryHistories];

/** Histories whose outcome is a limit that we state, and whose calls the attacker still reads. */
const stated = new Map([
  [8, ['a', 'b', 'c']],
  [9, ['a']],
]);

test.each(histories)('$name', async (history) => {
  const { world } = await play(history, { modules: await realModules() });
  expect(world.findings).toEqual([]);
  const owners = stated.get(history.number ?? 0);
  if (owners) expect(ownersRead(world)).toEqual(owners);
});

test('every history of the reference is here', () => {
  const numbers = histories.flatMap(({ number }) => number ?? []).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 18 }, (_, i) => i + 1));
});

test('until its epoch has ended, an erased number is read from its token; a horizon later it is not', async () => {
  const history = copyHistories.find(({ number }) => number === 13);
  if (history === undefined) throw new Error('no history 13');
  const { world, tally } = await play(history, { modules: await realModules() });
  expect(tally.tokensDead).toBe(1);
  expect(world.state.tokens.map(({ ownerId }) => ownerId)).toEqual(['b']);
  expect(world.ledger.tokens.map(({ ownerId }) => ownerId)).toEqual(['a', 'b', 'b']);
});

test('two calls of one number have one token in one epoch: whoever knows the one number knows the other', async () => {
  const history = copyHistories.find(({ number }) => number === 14);
  if (history === undefined) throw new Error('no history 14');
  const { world } = await play(history, { modules: await realModules() });
  const [a, b] = world.ledger.tokens;
  expect([a?.ownerId, b?.ownerId]).toEqual(['a', 'b']);
  expect(a?.token).toEqual(b?.token);
});

/** Owners of calls whose artifacts the attacker reads, but for the tenant's own. */
function ownersRead(world: World): string[] {
  const { opened } = closureOf(lootOf(world), world.oracle);
  const read = world.ledger.artifacts.filter(({ sealed }) => opened.has(nameOf(sealed)));
  return [...new Set(read.map(({ ownerId }) => ownerId))].filter((owner) => owner.length === 1).sort();
}
