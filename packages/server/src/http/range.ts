/** The bytes from `start` to just before `endExclusive`; never empty. */
export type ByteRange = { start: number; endExclusive: number };

/**
 * Reads a Range header against a body of `sizeBytes` (RFC 9110, sections 14.1.2 and 14.2).
 *
 * `whole` where there is no range that we honour: no header, another unit, malformed, last before first, or several
 * ranges at once. `unsatisfiable` where none of its bytes exist.
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | 'whole' | 'unsatisfiable' {
  const [, first, last] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return 'whole';
  if (first === '') {
    // The last so many bytes; more than there are means all.
    const start = Math.max(0, sizeBytes - Number(last));
    return start < sizeBytes ? { start, endExclusive: sizeBytes } : 'unsatisfiable';
  }
  if (last !== '' && Number(last) < Number(first)) return 'whole';
  if (Number(first) >= sizeBytes) return 'unsatisfiable';
  const endExclusive = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  return { start: Number(first), endExclusive };
}
