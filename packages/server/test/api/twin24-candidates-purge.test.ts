import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Scene, startScene } from '../support/scene.ts';
import { TwinCampaigns } from '../support/twin-campaigns.ts';

const phone = '+15125550101';

let scene: Scene;
let campaigns: TwinCampaigns;

beforeAll(async () => {
  scene = await startScene();
  campaigns = await TwinCampaigns.of(scene.app, scene.app.tenant);
});
afterAll(async () => await scene.end());

test("a purge of a customer's calls leaves out the candidates that carry the number, and is not stopped by them", async () => {
  const taskId = await campaigns.task();
  const [before = ''] = await campaigns.added(taskId, { phone: [phone] });
  const callId = await scene.archived('purged', phone);
  const [after = ''] = await campaigns.added(taskId, { phone: [phone], clientExternalId: 'later' });
  const purged = await scene.client.purge('/customer', { phoneNumber: phone });
  expect(purged.map((item) => item.callId)).toEqual([callId]);
  for (const id of [before, after]) {
    expect(await campaigns.candidate(id)).toMatchObject({ phone: [phone.replace('+', '')], status: 'PENDING' });
  }
  expect(await scene.client.purge('/customer', { phoneNumber: phone })).toEqual([]);
});
