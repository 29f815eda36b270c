/** The page of metrics as tests read it. */

export type Sample = { name: string; labels: Record<string, string>; value: number };

/** Every sample of a page in Prometheus's text format. */
export function samplesOf(page: string): Sample[] {
  return page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', text = '']) => [label, text]);
      return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
    });
}

/** The sum of all samples of this name that carry these labels; undefined where there is none. */
export function sumOf(page: string, name: string, labels: Record<string, string> = {}): number | undefined {
  const mine = samplesOf(page).filter(
    (one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
  );
  return mine.length === 0 ? undefined : mine.reduce((sum, one) => sum + one.value, 0);
}
