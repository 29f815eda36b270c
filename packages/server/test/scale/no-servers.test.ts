import { test } from 'vitest';

test.skip('no PostgreSQL and S3 servers; start them: eval "$(scripts/test-servers start)"', () => undefined);
