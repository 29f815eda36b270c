import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { scaleTests, withoutServers } from './test/scale/chosen.ts';

const servers = [
  'TACET_TEST_POSTGRES',
  'TACET_TEST_S3_ENDPOINT',
  'TACET_TEST_S3_ACCESS_KEY',
  'TACET_TEST_S3_SECRET_KEY',
];
const hasServers = servers.every((name) => process.env[name]);

export default defineConfig({
  test: {
    globalSetup: ['test/support/programs.setup.ts'],
    // Much of a test's time is waiting: for disks, other processes, seals.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    reporters: ['default'],
    projects: [
      {
        test: {
          ...shared(30_000),
          name: 'embedded',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/scale/**'],
        },
      },
      {
        // The same tests and the proof, on PostgreSQL and S3.
        test: {
          ...shared(60_000),
          name: 'scale',
          env: { TACET_TEST_PAIR: 'scale' },
          include: hasServers ? [...scaleTests] : [withoutServers],
        },
      },
    ],
  },
});

function shared(timeoutMs: number) {
  return { testTimeout: timeoutMs, hookTimeout: timeoutMs, pool: 'forks' } as const;
}
