import { afterAll, beforeAll, describe, test } from 'vitest';
import { readRecordings } from './recording.ts';
import { replay, type Stage, startStage } from './stage.ts';
import { prepareTwin } from './twin24-given.ts';

const recordings = readRecordings('twin24');

let stage: Stage;

beforeAll(async () => {
  stage = await startStage({}, prepareTwin);
});
afterAll(async () => await stage.close());

describe('a recorded exchange with a Twin24 client happens as recorded', () => {
  test.each(recordings.map(({ name, exchange }) => [name, exchange] as const))('%s', async (_name, exchange) => {
    await replay(stage, exchange);
  });
});
