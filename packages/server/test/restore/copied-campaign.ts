/** A campaign, and what comes late to its calls, for a life whose database is copied at every step. */
import { expect } from 'vitest';
import { changeCall } from '../../src/engine/calls/change-call.ts';
import { storeLateRecording } from '../../src/engine/calls/late-recording.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { listCandidates } from '../../src/engine/campaigns/list-candidates.ts';
import { depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import { findOwners } from '../../src/engine/identifiers.ts';
import { callSilently, newCandidate } from '../fsck/lived-campaign.ts';
import { spokenOnce } from '../support/spoken.ts';
import type { Work } from './stage.ts';

const erasedPhone = '512 555 0501';
const keptPhone = '512 555 0502';
const audio = { contentType: 'audio/mpeg' };

/** Two people on a task, each with a call to which everything comes late; one of them is depersonalized in the end. */
export class CopiedCampaign {
  #erased: string[] = [];
  #kept: string[] = [];

  async live(at: Work): Promise<void> {
    const { engine, caller } = at;
    for (let i = 0; i < 3; i += 1) {
      const task = await createTask(engine, caller, { name: 'spring', settings: {}, botId: null });
      const given = [newCandidate(task, 'c-erased', [erasedPhone]), newCandidate(task, 'c-kept', [keptPhone])];
      const [erased = '', kept = ''] = await addCandidates(engine, caller, given, { start: false });
      const erasedCall = await this.#call(at, { task, candidate: erased, phone: erasedPhone });
      const keptCall = await this.#call(at, { task, candidate: kept, phone: keptPhone });
      this.#erased.push(erased, erasedCall);
      this.#kept.push(kept, keptCall);
      await depersonalizeCandidate(engine, caller, erased, { keepRecording: false, waitMs: 10_000 });
    }
  }

  async #call({ engine, caller }: Work, of: Parameters<typeof callSilently>[2]): Promise<string> {
    const callId = await callSilently(engine, caller, of);
    const broken = storeLateRecording(engine, caller, callId, breaking(), audio);
    await expect(broken).rejects.toThrow('the line broke');
    await storeLateRecording(engine, caller, callId, spoken(), audio);
    await changeCall(engine, caller, callId, { details: { dialogResult: 'agreed' } });
    const later = { details: { dialogResult: 'refused' }, transcript: spokenOnce('no') };
    await changeCall(engine, caller, callId, later);
    return callId;
  }

  /** Of those who were depersonalized nothing is left in a restored database but what an erasure keeps. */
  async expectErased(at: Work): Promise<void> {
    const { engine, caller } = at;
    const { reads } = engine.store;
    for (const id of this.#erased) {
      const kinds = (await reads.artifacts.ofOwner(id)).map((artifact) => artifact.kind);
      expect(kinds.filter((kind) => kind !== 'correlation')).toEqual([]);
      const row = (await reads.calls.find(caller.tenant.id, id)) ?? (await reads.candidates.find(caller.tenant.id, id));
      if (row !== undefined) expect(row.depersonalizedAt).not.toBeNull();
      await this.#expectListed(at, id);
    }
    const identifier = { kind: 'phone', value: erasedPhone } as const;
    expect(await findOwners(engine, reads, caller.tenant, identifier, { afterId: '', limit: 99 })).toEqual([]);
  }

  /** One whose adding was under way in the copy is shown to nobody; any other is. */
  async #expectListed({ engine, caller }: Work, id: string): Promise<void> {
    const row = await engine.store.reads.candidates.find(caller.tenant.id, id);
    if (row === undefined) return;
    const listed = await listCandidates(engine, caller, {
      taskId: row.taskId,
      statuses: undefined,
      offset: 0,
      limit: 9,
    });
    expect(listed.candidates.some(({ candidate }) => candidate.id === id)).toBe(row.status !== 'ADDING');
  }

  /** Those who were not are found as long as they are there, and nothing of them is on its way any more. */
  async expectKept({ engine, caller }: Work): Promise<void> {
    const { reads } = engine.store;
    const identifier = { kind: 'phone', value: keptPhone } as const;
    const found = await findOwners(engine, reads, caller.tenant, identifier, { afterId: '', limit: 99 });
    for (const id of this.#kept) {
      const row = (await reads.calls.find(caller.tenant.id, id)) ?? (await reads.candidates.find(caller.tenant.id, id));
      expect(found.includes(id), id).toBe(row !== undefined);
      if (row !== undefined) expect(row.depersonalizedAt).toBeNull();
    }
    expect(await reads.lateArtifacts.page(-1, 99)).toEqual([]);
  }
}

async function* spoken(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(5_000, 0x33);
}

async function* breaking(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(5_000, 0x33);
  throw new Error('the line broke');
}
