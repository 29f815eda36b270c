import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settings } from '../src/config.ts';
import { statusOf } from '../src/http/native/errors.ts';
import { openapiOf } from '../src/http/native/openapi.ts';
import { operations } from '../src/http/native/operations.ts';
import { twinStatuses } from '../src/http/twin24/errors.ts';
import { vendorStatuses } from '../src/http/vendor-statuses.ts';
import { AppError, errorCodes } from '../src/model/errors.ts';
import { metrics } from '../src/model/metrics.ts';
import { apiPage } from './support/api-page.ts';

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
      const statuses = [statusOf(code), vendorStatuses[code], twinStatuses[code]].join(' | ');
      return `| \`${code}\` | ${error.message} | ${statuses} | ${error.retry === 'later' ? 'yes' : 'no'} |`;
    });
    matches(
      'errors.md',
      `# Error codes

Stable and never reused. The native API gives the code in its problem details; vendor surfaces translate it into their
own errors, with statuses that their clients know.

| code | what it says | native | Creovai | Twin24 | worth trying again |
|---|---|---|---|---|---|
${rows.join('\n')}
`,
    );
  });

  it('tell the native API as OpenAPI and as a page to read', () => {
    const document = openapiOf(operations);
    matches('openapi.json', `${JSON.stringify(document, null, 2)}\n`);
    matches('api.md', apiPage(document));
  });

  it('list every metric with its labels, and what to alert on', () => {
    const rows = Object.entries(metrics).map(([name, metric]) => {
      const { type, labels, help, alert }: ListedMetric = metric;
      const cells = [`\`${name}\``, type, labelsOf(labels), help, alert ?? ''];
      return `| ${cells.join(' | ')} |`;
    });
    matches('metrics.md', metricsPage(rows));
  });
});

type ListedMetric = {
  type: string;
  labels: Readonly<Record<string, readonly string[] | 'route patterns'>>;
  help: string;
  alert?: string;
};

function labelsOf(labels: ListedMetric['labels']): string {
  return Object.entries(labels)
    .map(([label, values]) => `\`${label}\`: ${valuesOf(values)}`)
    .join('; ');
}

function valuesOf(values: readonly string[] | 'route patterns'): string {
  if (values === 'route patterns') return 'pattern of the route, or `unmatched`';
  const listed = values.includes('internal') ? values.filter((value) => !isErrorCode(value)) : values;
  const codes = listed.length < values.length ? ['an [error code](errors.md)'] : [];
  return [...listed.map((value) => `\`${value}\``), ...codes].join(', ');
}

function isErrorCode(value: string): boolean {
  return errorCodes.some((code) => code === value);
}

function metricsPage(rows: readonly string[]): string {
  return `# Metrics

With \`TACET_METRICS_LISTEN\` set, \`serve\` and \`work\` each serve \`GET /metrics\` on a listener of their own, in the text
format of Prometheus, and say at their start where: \`metrics at http://HOST:PORT/metrics\`. It asks for no token, so let only
your collector reach it. Nothing else is served there.

Counts, sizes and durations only: no id, no tenant's name, no path, nothing that a client supplied. The values of every
label are closed lists. Counters are those of one process since its start; gauges are looked up when the page is asked for and
speak of the whole archive, so that every process shows the same. A gauge that cannot be looked up within two seconds is left
out, which \`tacet_collect_failures_total\` counts; the rest of the page stands.

Beside these there are the metrics that \`prom-client\` has of every Node.js process: \`process_*\` (CPU, memory, open files)
and \`nodejs_*\` (lag of the event loop, heap, garbage collection).

The one alert that nobody should go without is on \`tacet_journal_oldest_pending_seconds\`: as long as a destruction is not
sealed, a restore undoes it. The second is that the page itself is missing (\`up == 0\`).

| name | type | labels | what it tells | alert on |
|---|---|---|---|---|
${rows.join('\n')}

What single events say is in the log: [logs.md](logs.md).
`;
}
