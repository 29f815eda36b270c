/** A candidate of a campaign, with calls that are over. */
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import type { TestApp } from '../support/harness.ts';
import { archivePlatformCall } from '../support/platform-calls.ts';

export async function addCandidateWithCalls(
  app: TestApp,
  count: number,
): Promise<{ candidateId: string; callIds: string[] }> {
  const { engine } = app;
  const caller = app.caller();
  const taskId = await createTask(engine, caller, { name: 'Autumn', settings: {}, botId: null });
  const given = {
    taskId,
    botId: null,
    details: { phones: ['15125550100'], variables: {} },
    correlation: {
      callbackData: null,
      clientExternalId: null,
      timezone: null,
      checkPhone: null,
      autoCallTemplateId: null,
    },
  };
  const [candidateId = ''] = await addCandidates(engine, caller, [given], { start: false });
  const participants = [{ role: 'customer', phone: '+15125550100', email: null, name: null }];
  const callIds: string[] = [];
  for (let i = 0; i < count; i += 1) {
    callIds.push(
      await archivePlatformCall(engine, caller, { candidateId, dialStatus: 'ANSWERED', details: { participants } }),
    );
  }
  return { candidateId, callIds };
}
