const form = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d))$/;

/** Of four-digit years in UTC: an offset must not lead out of what answers can write. */
const firstMs = Date.parse('0000-01-01T00:00:00.000Z');
const lastMs = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * A point in time as RFC 3339 writes it, in milliseconds since the Unix epoch; undefined when it is none.
 *
 * Date, `T`, time with seconds, up to nine digits of a fraction (what is finer than a millisecond is cut off), and `Z` or an
 * offset, the colon of which may be missing (ISO 8601, as PHP writes it). Without an offset nobody knows which moment is
 * meant. Days, hours and seconds that do not exist are refused: 30 February, 24:00:00, second 60; and so is what an offset
 * takes out of the years 0000 to 9999 of UTC.
 */
export function parseIsoTime(text: string): number | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, date, time, fraction = '', sign, hours = '0', minutes = '0'] = match;
  const written = `${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
  const atMs = Date.parse(written);
  // Date.parse moves some impossible days into the next month; a real one comes back as it was written.
  if (Number.isNaN(atMs) || new Date(atMs).toISOString() !== written) return undefined;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  const utcMs = sign === '-' ? atMs + offsetMs : atMs - offsetMs;
  return utcMs < firstMs || utcMs > lastMs ? undefined : utcMs;
}
