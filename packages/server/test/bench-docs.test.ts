import { expect, test } from 'vitest';
import { pageWith } from '../bench/lib/docs.ts';

test('a part of the benchmarks is written in its place, and the other stays as it is', () => {
  const first = pageWith('', 'scale', 'of servers\n');
  const both = pageWith(first, 'embedded', 'of files\n\n### Reasons\n\nnone\n');
  const again = pageWith(both, 'scale', 'of servers, later');

  expect(both).toMatch(
    /^# Benchmarks\n\n[^#]+\n\n## One machine: .+\n\nof files\n\n### Reasons\n\nnone\n\n## At scale: .+\n\nof servers\n$/,
  );
  expect(again).toBe(both.replace('of servers\n', 'of servers, later\n'));
  expect(pageWith(again, 'embedded', 'of files\n\n### Reasons\n\nnone')).toBe(again);
});
