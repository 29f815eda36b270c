import { figureId } from './lib/figure.ts';

/**
 * Why a figure misses its bound or aim, by the figure's id. Written by hand after looking, and put beside the figure in
 * `docs/benchmarks.md`.
 */
const reasons: Readonly<Record<string, string>> = {};

/** The reason, or words that ask for one. */
export function reasonFor(figure: { benchmark: string; name: string }): string {
  return reasons[figureId(figure)] ?? 'No reason is known yet.';
}
