import { toRanges } from '../../keys/journal-entries.ts';
import { entryOf, isAbsent, isDestroyed, type OpenedPage } from '../../keys/page.ts';
import type { Artifact } from '../../model/call.ts';
import type { SlotRange } from '../../model/key-store.ts';
import { checkArtifacts } from './artifacts.ts';
import { JournaledSlots } from './journaled-slots.ts';
import type { Look } from './look.ts';
import { leavesBelow } from './pages.ts';
import { type UnnamedRun, UnnamedSlots } from './unnamed-slots.ts';

/** Keys of living epochs by slot. */
export type EpochKeys = Map<number, Buffer>;

/**
 * Walks every leaf and compares each of its slots with the rows and with the journal: a named slot is live, a live one is
 * named or its leaf is reserved, a destroyed one is covered by one journal row, a journaled one is destroyed. In a deep
 * look what is sealed under a slot is opened on the way, while its key is at hand.
 *
 * @param epochKeys gets copies of the epochs' keys, which the caller wipes.
 */
export async function checkSlots(look: Look, top: OpenedPage, nextLeaf: number, epochKeys: EpochKeys): Promise<void> {
  const { fanOut, levels } = look.engine.tree.shape;
  const journaled = new JournaledSlots({ reads: look.reads, fanOut, leaves: nextLeaf });
  const epochSlots = epochSlotsOf(look);
  const unnamed = new UnnamedSlots(look);
  let expected = 0;
  for await (const seen of leavesBelow(look, top)) {
    if (seen.from > expected) await checkUnborn(look, expected, seen.from - 1);
    expected = seen.to + 1;
    if (seen.keys === undefined) continue;
    const leaf = { place: { level: 0, index: seen.from }, keys: seen.keys };
    if (seen.from >= nextLeaf) look.findings.problem('leaf_ahead', `leaf ${seen.from}`);
    await journaled.reach(seen.from);
    await checkLeaf(look, leaf, { journaled, epochSlots, unnamed });
    if (look.isDeep) keepEpochKeys(leaf, fanOut, epochSlots, epochKeys);
  }
  await checkUnborn(look, expected, fanOut ** (levels - 1) - 1);
  await unnamed.settle();
}

/** Whose key the slot of a living epoch holds: tenants by slot. */
type EpochSlots = ReadonlyMap<number, string>;

type Known = { journaled: JournaledSlots; epochSlots: EpochSlots; unnamed: UnnamedSlots };

async function checkLeaf(look: Look, leaf: OpenedPage, known: Known): Promise<void> {
  const { fanOut } = look.engine.tree.shape;
  const first = leaf.place.index * fanOut;
  const artifacts = (await look.reads.artifacts.page(first, fanOut)).filter((one) => one.slot < first + fanOut);
  const named = namedBy(look, artifacts, known.epochSlots);
  const isReserved = (await look.reads.keys.reservedLeaves(leaf.place.index, leaf.place.index)).length > 0;
  const unnamed: number[] = [];
  let live = 0;
  for (let offset = 0; offset < fanOut; offset += 1) {
    const slot = first + offset;
    const entry = entryOf(leaf, offset);
    const isNamed = named.has(slot) || known.epochSlots.has(slot);
    const times = known.journaled.timesOf(slot);
    const problem = (code: Parameters<Look['findings']['problem']>[0]) => look.findings.problem(code, `slot ${slot}`);
    if (times > 1) problem('slot_journaled_twice');
    if (isAbsent(entry)) problem('slot_empty');
    else if (isDestroyed(entry)) {
      if (isNamed) problem('slot_named_dead');
      if (times === 0) problem('slot_unjournaled');
    } else {
      live += 1;
      if (times > 0) problem('journal_slot_live');
      if (isNamed || isReserved) continue;
      if (times === 0) unnamed.push(slot);
      // The journal says that this one was to die, so nothing was lost that it could be the key of.
      else look.findings.problem('slot_unnamed', `slot ${slot}`, { code: 'slot_unnamed', kind: 'slot', slot });
    }
  }
  look.findings.count('leaves', 1);
  look.findings.count('liveSlots', live);
  for (const run of runsOf(unnamed, artifacts, known.epochSlots, [first, first + fanOut - 1])) {
    await known.unnamed.add(run);
  }
  await checkArtifacts(look, artifacts, (slot) => {
    const entry = entryOf(leaf, slot - first);
    return isDestroyed(entry) || isAbsent(entry) ? undefined : entry;
  });
}

/** Runs of these slots, with what lies beside each within the leaf: slots that belong together never leave it. */
function runsOf(
  unnamed: readonly number[],
  artifacts: readonly Artifact[],
  epochSlots: EpochSlots,
  [first, last]: SlotRange,
): UnnamedRun[] {
  if (unnamed.length === 0) return [];
  const ownerOf = new Map([...epochSlots, ...artifacts.map(({ slot, ownerId }) => [slot, ownerId] as const)]);
  return toRanges(unnamed).map(([from, to]) => {
    const beside = [from - 1, to + 1].filter((slot) => slot >= first && slot <= last);
    const owners = new Set(beside.flatMap((slot) => ownerOf.get(slot) ?? []));
    return { from, to, owners, erased: beside.filter((slot) => !ownerOf.has(slot)) };
  });
}

/** Slots that artifacts name. Two rows must not name the same one: destroying it would erase both. */
function namedBy(look: Look, artifacts: readonly Artifact[], epochSlots: EpochSlots): Set<number> {
  const named = new Set(artifacts.map((artifact) => artifact.slot));
  for (const slot of named) if (epochSlots.has(slot)) look.findings.problem('slot_shared', `slot ${slot}`);
  return named;
}

/** Leaves that were never born: no row names a slot there, nobody has reserved one. */
async function checkUnborn(look: Look, fromLeaf: number, toLeaf: number): Promise<void> {
  const { fanOut } = look.engine.tree.shape;
  for (const slot of await look.reads.keys.namedSlots(fromLeaf * fanOut, (toLeaf + 1) * fanOut - 1)) {
    look.findings.problem('slot_named_dead', `slot ${slot}`);
  }
  for (const leaf of await look.reads.keys.reservedLeaves(fromLeaf, toLeaf)) {
    look.findings.problem('reservation_unborn', `leaf ${leaf}`);
  }
}

function epochSlotsOf(look: Look): EpochSlots {
  const slots = new Map<number, string>();
  for (const epoch of [...look.epochs.values()].flat()) {
    if (slots.has(epoch.slot)) look.findings.problem('slot_shared', `slot ${epoch.slot}`);
    slots.set(epoch.slot, epoch.tenantId);
  }
  return slots;
}

function keepEpochKeys(leaf: OpenedPage, fanOut: number, slots: EpochSlots, keys: EpochKeys): void {
  for (let offset = 0; offset < fanOut; offset += 1) {
    const slot = leaf.place.index * fanOut + offset;
    const entry = entryOf(leaf, offset);
    if (slots.has(slot) && !isDestroyed(entry) && !isAbsent(entry)) keys.set(slot, Buffer.from(entry));
  }
}
