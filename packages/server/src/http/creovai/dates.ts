const form =
  /^(\d{4})([-/])(\d{2})\2(\d{2})T(\d{2}:\d{2}:\d{2})(?:\.(\d{1,7}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))?$/i;

/**
 * Parses a time as Creovai's clients write it; milliseconds since the epoch, or undefined when it is none.
 *
 * ISO 8601 date and time with seconds, up to 7 fractional digits (.NET ticks; what is finer than a millisecond is cut
 * off), and `Z`, an offset `+hh:mm`, or neither, which means UTC. The date may have slashes in place of hyphens, as in
 * the vendor's own example. Days, hours and seconds that do not exist are refused: 30 February, 24:00:00, second 60.
 */
export function parseDate(text: string): number | undefined {
  const match = form.exec(text);
  if (match === null) {
    return undefined;
  }
  const [, year, , month, day, time, fraction = '', sign, hours = '0', minutes = '0'] = match;
  const written = `${year}-${month}-${day}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
  const atMs = Date.parse(written);
  // Date.parse moves some impossible days into the next month; a real one comes back as it was written.
  if (Number.isNaN(atMs) || new Date(atMs).toISOString() !== written) {
    return undefined;
  }
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? atMs + offsetMs : atMs - offsetMs;
}
