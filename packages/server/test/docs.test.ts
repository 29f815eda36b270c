import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settings } from '../src/config.ts';
import { AppError, errorCodes } from '../src/model/errors.ts';

const docs = new URL('../../../docs/', import.meta.url);

/** The generated page must be the committed one; UPDATE_DOCS=1 writes it instead. */
function matches(page: string, text: string): void {
  const file = new URL(page, docs);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, text);
  expect(readFileSync(file, 'utf8')).toBe(text);
}

describe('the generated references', () => {
  it('list every setting with its default', () => {
    const rows = settings.map(
      (one) => `| \`${one.name}\` | ${one.default ? `\`${one.default}\`` : ''} | ${one.help} |`,
    );
    matches(
      'configuration.md',
      `# Configuration

Environment variables only. All problems are reported at once when a command starts, and a name with our prefix that is
not in this table is refused, except for what Kubernetes injects (\`TACET_SERVICE_*\`, \`TACET_PORT*\`). Durations are
written \`60s\`, \`12h\`, \`7d\`, sizes \`200MiB\`.

| name | default | what it does |
|---|---|---|
${rows.join('\n')}
`,
    );
  });

  it('list every error code', () => {
    const rows = errorCodes.map((code) => {
      const error = new AppError(code);
      return `| \`${code}\` | ${error.message} | ${error.retry === 'later' ? 'yes' : 'no'} |`;
    });
    matches(
      'errors.md',
      `# Error codes

Stable and never reused. The native API gives the code in its problem details; vendor surfaces translate it into their
own errors.

| code | what it says | worth trying again |
|---|---|---|
${rows.join('\n')}
`,
    );
  });
});
