import { leafOf } from '../../keys/page.ts';
import { ownerIn, slotIn } from '../blob-rows.ts';
import type { Engine } from '../context.ts';
import type { Cure, CureOf } from './cures.ts';
import { type Evidence, gatherEvidence, ownerKey } from './evidence.ts';
import { CodeList, type Findings, type FsckReport, type Problem } from './findings.ts';
import { type LookOptions, lookAt } from './look-at.ts';
import type { Repairs } from './one-repair.ts';
import type { ProblemCode } from './problem-meanings.ts';
import { removeDoomed, repairBytes, repairUnfinished } from './repair-bytes.ts';
import { repairArtifacts, repairSlots } from './repair-keys.ts';
import {
  repairDoomed,
  repairErasure,
  repairEvents,
  repairTokens,
  repairTombstone,
  repairTombstoneTokens,
} from './repair-rows.ts';

/**
 * Repairs what a look has found, where that cannot make anything unreadable that lives, and looks again.
 *
 * Each repair is a small transaction of its own that looks again whether its problem is still there, and writes an audit
 * row. So it may run beside a working server, and may be ended anywhere: what is left is found again. Reports all
 * problems of the first look, each with whether the second still found it, and those that only the second found.
 */
export async function repairAll(engine: Engine, found: Findings, options: LookOptions): Promise<FsckReport> {
  const on: Repairs = { engine, done: new CodeList() };
  let last = found;
  // Each round repairs something, and may find what the one before it held back or had no room for.
  for (let isMore = !found.has('database_malformed'); isMore; ) {
    const before = on.done.total;
    await repairFound(on, last);
    isMore = on.done.total > before;
    if (isMore) last = await lookAt(engine, options);
  }
  const [first, second] = [found.report(options.deep), last.report(options.deep)];
  const problems = first.problems.length === 0 ? [] : compared(first.problems, second.problems);
  return { ...second, problems, repairs: on.done.lines() };
}

function compared(first: readonly Problem[], second: readonly Problem[]): Problem[] {
  const nameOf = (problem: Problem) => `${problem.code} ${problem.what}`;
  const [before, left] = [new Set(first.map(nameOf)), new Set(second.map(nameOf))];
  const known = first.map((problem) => ({ ...problem, repaired: !left.has(nameOf(problem)) }));
  const fresh = second.filter((problem) => !before.has(nameOf(problem)));
  return [...known, ...fresh.map((problem) => ({ ...problem, repaired: false }))];
}

async function repairFound(on: Repairs, found: Findings): Promise<void> {
  const { engine } = on;
  const cures = found.cures();
  const of = <Kind extends Cure['kind']>(kind: Kind): CureOf<Kind>[] =>
    // The filter has just made sure of it.
    cures.filter((cure) => cure.kind === kind) as CureOf<Kind>[];
  const evidence = await evidenceFor(engine, of('artifacts'), of('slot'));
  const doomed: string[] = [];
  // What names something first: tokens go when nothing is left of their owner, bytes when no key is.
  for (const cure of of('artifacts')) doomed.push(...(await repairArtifacts(on, cure, evidence)));
  const isLost = isAnythingLost(found);
  for (const cure of of('tokens')) if (cure.code === 'token_of_erased' || !isLost) await repairTokens(on, cure);
  for (const cure of of('tombstone')) await repairTombstone(on, cure);
  for (const cure of of('events')) await repairEvents(on, cure);
  for (const cure of of('tombstone-tokens')) await repairTombstoneTokens(on, cure);
  for (const cure of of('erasure')) await repairErasure(on, cure);
  for (const cure of of('doomed')) if (await repairDoomed(on, cure)) doomed.push(cure.blob);
  if (!isLost) {
    for (const [leaf, slots] of byLeaf(engine, await nobodysSlots(engine, of('slot'), of('bytes')))) {
      await repairSlots(on, leaf, slots, evidence);
    }
    for (const cure of of('bytes')) if (await repairBytes(on, cure)) doomed.push(cure.blob);
    for (const cure of of('unfinished')) await repairUnfinished(on, cure);
  }
  // Keys may have been destroyed: beyond every copy they are with the next seal.
  if (keyCodes.some((code) => on.done.has(code))) engine.sealer.request();
  await removeDoomed(engine, doomed);
}

/** Repairs of these destroy keys. */
const keyCodes: readonly ProblemCode[] = ['artifact_of_erased', 'artifact_orphaned', 'slot_unnamed'];

/**
 * Signs that rows or pages were lost or cannot be read. A slot that nobody names may then be the key of what is missing,
 * to be brought back by hand or from a backup, and a token without an owner that of a lost call: neither is destroyed, nor
 * are bytes that no row names, as long as there is one of them.
 */
const lossCodes: readonly ProblemCode[] = [
  'archive_foreign',
  'artifact_orphaned',
  'call_incomplete',
  'call_without_campaign',
  'candidate_incomplete',
  'candidate_without_task',
  'database_malformed',
  'hold_without_reason',
  'late_artifact_astray',
  'leaf_ahead',
  'login_key_missing',
  'page_damaged',
  'page_missing',
  'page_orphaned',
  'root_key_missing',
  'signing_key_missing',
  'slot_beside_living',
  'task_incomplete',
  'tenant_incomplete',
  'token_of_ended_epoch',
  'unreadable',
  'user_incomplete',
  'vault_entry_lacking',
  'vault_head_ahead',
];

function isAnythingLost(found: Findings): boolean {
  return lossCodes.some((code) => found.has(code));
}

/** Leaves out the slots of bytes whose owner still has artifacts: that is a living call which has lost a row. */
async function nobodysSlots(
  engine: Engine,
  cures: readonly CureOf<'slot'>[],
  bytes: readonly CureOf<'bytes'>[],
): Promise<CureOf<'slot'>[]> {
  const lost = new Set<number | undefined>();
  for (const { blob } of bytes) {
    if ((await engine.store.reads.artifacts.ofOwner(ownerIn(blob))).length > 0) lost.add(slotIn(blob));
  }
  return cures.filter((cure) => !lost.has(cure.slot));
}

function byLeaf(engine: Engine, cures: readonly CureOf<'slot'>[]): Map<number, CureOf<'slot'>[]> {
  const leaves = new Map<number, CureOf<'slot'>[]>();
  for (const cure of cures) {
    const { leaf } = leafOf(cure.slot, engine.tree.shape);
    leaves.set(leaf, [...(leaves.get(leaf) ?? []), cure]);
  }
  return leaves;
}

async function evidenceFor(
  engine: Engine,
  artifacts: readonly CureOf<'artifacts'>[],
  slots: readonly CureOf<'slot'>[],
): Promise<Evidence> {
  const owners = new Set(artifacts.map((cure) => ownerKey(cure.tenantId, cure.ownerId)));
  const wanted = new Set(slots.map((cure) => cure.slot));
  for (const { ownerId } of artifacts) {
    for (const { slot } of await engine.store.reads.artifacts.ofOwner(ownerId)) wanted.add(slot);
  }
  return await gatherEvidence(engine.store.reads, { owners, slots: wanted });
}
