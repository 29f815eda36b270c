import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Much of a test's time is waiting for disks and processes: a core left over for the runner would idle.
    maxWorkers: '100%',
    reporters: ['default'],
  },
});
