/** What a .NET DateTime can hold: the years 1 to 9999. */
const firstMs = Date.parse('0001-01-01T00:00:00.000Z');
const lastMs = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * A time in ms since the Unix epoch as ISO 8601 with milliseconds and `Z`, always 24 characters. What lies beyond the
 * years 1 to 9999, which clients cannot read, comes out as the nearest time within them.
 */
export function utcTime(ms: number): string {
  return new Date(Math.min(lastMs, Math.max(firstMs, ms))).toISOString();
}
