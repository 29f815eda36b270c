import { fileName, parseName } from './vault-files.ts';

/** One of several folders of a vault: the names in it. */
export type Listing = ReadonlySet<string>;

/** Keys first and heads last, so that a folder whose levelling was cut short is known to have stayed behind. */
const order = ['key', 'locked', 'segment', 'head'] as const;

/**
 * The files that a folder lacks and is to be given from the others, in the order in which they are to be copied.
 *
 * Everything that another folder has, but for keys that would come back from the dead: one that is gone from a folder
 * which has seen a seal since has been destroyed there, and lingers elsewhere until it expires; and where a key is locked
 * in any folder, it is never copied as it was before.
 */
export function lackingIn(target: Listing, all: readonly Listing[]): string[] {
  const seen = newestHead(target);
  const isAnywhere = (file: string) => all.some((names) => names.has(file));
  const lacking = new Set(all.flatMap((names) => [...names].filter((file) => !target.has(file))));
  const copied = [...lacking].flatMap((file) => {
    const name = parseName(file);
    if (name === undefined) return [];
    if (name.kind === 'key' || name.kind === 'locked') {
      const isHere = target.has(fileName('key', name)) || target.has(fileName('locked', name));
      if (!isHere && seen > name.generation) return [];
      if (name.kind === 'key' && isAnywhere(fileName('locked', name))) return [];
    }
    return [{ file, rank: order.indexOf(name.kind) }];
  });
  return copied.sort((a, b) => a.rank - b.rank || (a.file < b.file ? -1 : 1)).map(({ file }) => file);
}

/** Generation of the newest head in a folder; 0 where there is none. */
function newestHead(names: Listing): number {
  let newest = 0;
  for (const file of names) {
    const name = parseName(file);
    if (name?.kind === 'head') newest = Math.max(newest, name.generation);
  }
  return newest;
}
