/** What a measured value must keep: in itself, or beside the baseline of the same run. */
export type Goal = {
  /** `value`: the figure itself; `ratio`: the figure divided by its baseline. */
  of: 'value' | 'ratio';
  is: 'at most' | 'at least';
  bound: number;
  /** Better than the bound asks for, where we want more than we promise. */
  aim?: number;
};

/** One line of the benchmarks. Values are in `unit`. */
export type Figure = {
  benchmark: string;
  name: string;
  unit: string;
  value: number;
  /** The same thing done bare, in the same run. */
  baseline?: number;
  /** Figures without a goal are there to understand the others. */
  goal?: Goal;
  /** What it was made of, one after the other in time; `what` says what and in which unit. */
  series?: { what: string; values: readonly number[] };
};

export type Verdict = 'PASS' | 'MISS' | 'INFO';

/** The figure divided by its baseline; undefined where it has none. */
function ratioOf(figure: Figure): number | undefined {
  return figure.baseline === undefined ? undefined : figure.value / figure.baseline;
}

/** MISS for a bound not kept, INFO where there is none. A ratio without a baseline keeps nothing. */
export function verdictOf(figure: Figure): Verdict {
  if (figure.goal === undefined) return 'INFO';
  return keeps(figure, figure.goal, figure.goal.bound) ? 'PASS' : 'MISS';
}

/** True when the bound is kept and the aim, where there is one, is not. */
export function missesAim(figure: Figure): boolean {
  const { goal } = figure;
  return goal?.aim !== undefined && !keeps(figure, goal, goal.aim);
}

/** The name by which a figure is known outside its run. */
export function figureId(figure: Pick<Figure, 'benchmark' | 'name'>): string {
  return `${figure.benchmark}: ${figure.name}`;
}

/** Cells of a figure, in the order of `columns`. */
export function cellsOf(figure: Figure): string[] {
  const ratio = ratioOf(figure);
  return [
    figureId(figure),
    `${readable(figure.value)} ${figure.unit}`,
    figure.baseline === undefined ? '-' : `${readable(figure.baseline)} ${figure.unit}`,
    ratio === undefined ? '-' : ratio.toFixed(2),
    limitOf(figure, figure.goal?.bound),
    limitOf(figure, figure.goal?.aim),
    verdictOf(figure) === 'PASS' && missesAim(figure) ? 'PASS, misses its aim' : verdictOf(figure),
  ];
}

/** What a figure was made of, in one line; undefined where it does not say. */
export function seriesOf({ series }: Figure): string | undefined {
  return series && `${series.what}: ${series.values.map(readable).join(', ')}`;
}

export const columns = ['figure', 'ours', 'baseline', 'ratio', 'bound', 'aim', 'verdict'] as const;

const widths = [66, 14, 14, 6, 14, 14, 0];

/** One line for a terminal: the cells in columns. */
export function lineOf(cells: readonly string[]): string {
  return cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join('  ')
    .trimEnd();
}

function keeps(figure: Figure, goal: Goal, limit: number): boolean {
  const measured = goal.of === 'value' ? figure.value : ratioOf(figure);
  if (measured === undefined || Number.isNaN(measured)) return false;
  return goal.is === 'at most' ? measured <= limit : measured >= limit;
}

function limitOf(figure: Figure, limit: number | undefined): string {
  if (figure.goal === undefined || limit === undefined) return '-';
  const sign = figure.goal.is === 'at most' ? '<=' : '>=';
  return figure.goal.of === 'value'
    ? `${sign} ${limit} ${figure.unit}`
    : `${sign} ${Number.isInteger(limit) ? limit.toFixed(1) : limit} x`;
}

/** Three significant digits, and no fraction of numbers that have three before the point. */
function readable(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toString();
  return Number.parseFloat(value.toPrecision(3)).toString();
}
