import { afterAll, beforeAll, describe, test } from 'vitest';
import { readRecordings } from './recording.ts';
import { replay, type Stage, startStage } from './stage.ts';
import { prepareTwin } from './twin24-given.ts';

/** Whatever succeeds, with all that follows it. */
const good = readRecordings('twin24').filter(({ exchange }) => exchange.response.status === 200);

let stage: Stage;

beforeAll(async () => {
  stage = await startStage({}, prepareTwin);
});
afterAll(async () => await stage.close());

/** The same request to the other form of its path, with a slash at its end. */
function otherForm(line: string): string {
  const [method = '', target = ''] = line.split(' ');
  const [path = '', ...query] = target.split('?');
  const other = /^\/api\//.test(path) ? withGateway(path) : path.replace(/^\/(iam|cis|analyse)\//, '/');
  return `${method} ${[`${other}/`, ...query].join('?')}`;
}

function withGateway(path: string): string {
  const [, step = ''] = /^\/api\/v1\/(\w+)/.exec(path) ?? [];
  const services: Record<string, string> = { auth: 'iam', users: 'iam', search: 'analyse' };
  return `/${services[step] ?? 'cis'}${path}`;
}

describe('on the other host, and with a slash at the end of each path, a client gets the same answers', () => {
  test.each(good.map(({ name, exchange }) => [name, exchange] as const))('%s', async (_name, exchange) => {
    await replay(stage, exchange, otherForm);
  });
});
