import { afterAll, beforeAll, describe, test } from 'vitest';
import { readRecordings } from './recording.ts';
import { replay, type Stage, startStage } from './stage.ts';

const recordings = readRecordings('creovai');

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});
afterAll(async () => await stage.close());

describe('a recorded exchange with a Creovai client happens as recorded', () => {
  test.each(recordings.map(({ name, exchange }) => [name, exchange] as const))('%s', async (_name, exchange) => {
    await replay(stage, exchange);
  });
});
