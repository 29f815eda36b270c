/** Groups of tests that need real servers. Where one is absent they are skipped, and their names say how to start it. */
import { describe } from 'vitest';
import { type PostgresServer, postgresServer } from './postgres.ts';
import { type S3Server, s3Server } from './s3-server.ts';

export type Servers = { postgres: PostgresServer; s3: S3Server };

/** Where nothing ever answers: what a group is handed whose tests do not run. */
const absent: Servers = {
  postgres: { url: 'postgres://absent.invalid/absent' },
  s3: { endpoint: 'http://absent.invalid', accessKey: '', secretKey: '' },
};

/** `describe` for tests that need PostgreSQL. */
export function describeWithPostgres(name: string, tests: (server: PostgresServer) => void): void {
  const postgres = postgresServer();
  describeIf(name, postgres ? [] : ['PostgreSQL'], () => tests(postgres ?? absent.postgres));
}

/** `describe` for tests that need PostgreSQL and S3. */
export function describeWithServers(name: string, tests: (servers: Servers) => void): void {
  const [postgres, s3] = [postgresServer(), s3Server()];
  const missing = [...(postgres ? [] : ['PostgreSQL']), ...(s3 ? [] : ['S3'])];
  describeIf(name, missing, () => tests({ postgres: postgres ?? absent.postgres, s3: s3 ?? absent.s3 }));
}

/** The reason stands in the name, where every reporter shows it and `scripts/test.mjs` reads it. */
function describeIf(name: string, missing: readonly string[], tests: () => void): void {
  const reason = `no ${missing.join(' and no ')} server; start one: eval "$(scripts/test-servers start)"`;
  if (missing.length === 0) describe(name, tests);
  else describe.skip(`${name} (${reason})`, tests);
}
