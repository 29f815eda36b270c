/**
 * An object that is `base` in all but the members of `changed`. Its getters, and methods that call others of the same object,
 * work on the changed one. Not for instances of classes with private members.
 */
export function overlay<T extends object>(base: T, changed: Partial<T>): T {
  // Whatever `changed` lacks is found in `base`, so that together they have every member of T.
  return Object.assign(Object.create(base), changed) as T;
}
