/** A small campaign made at random, and all that can be seen of it: from outside, and in what is stored. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import { Prng } from '../attacker/prng.ts';
import {
  candidateClasses,
  type DataClasses,
  rowClasses,
  sealedCallClasses,
  sealedCandidateClasses,
} from './data-classes.ts';
import type { TestApp } from './harness.ts';
import { NativeClient } from './native-client.ts';
import { type Json, Numbers, type RandomCall, randomCall, randomCandidate } from './random-campaign.ts';
import { type StoredState, storedStateOf } from './sealed-state.ts';
import type { ErasingMethod, ErasingSubject } from './twin-erasing.ts';
import { until } from './until.ts';

type WorldCall = Pick<RandomCall, 'shows'> & { id: string; candidateId: string | undefined; phone: string | undefined };
type Asked = { tenant: Tenant; token: string; seed: number };

/** One call, candidate or task, as it is seen at one moment. */
export type Seen = {
  /** Its fields in the vendor's API; of a task none. `recordPath`, which is new each time, as whether it is there. */
  shown: Json;
  /** A digest of the audio as it is served. */
  audio: string | undefined;
  /** Whether the link to the recording that was given first still leads to it. */
  linkOpens: boolean;
  stored: StoredState;
};

export class CampaignWorld {
  readonly calls: WorldCall[] = [];
  readonly candidateIds: string[] = [];
  readonly #app: TestApp;
  readonly #client: NativeClient;
  readonly #asked: Asked;
  readonly #prng: Prng;
  readonly #links = new Map<string, string>();
  #taskId = '';

  private constructor(app: TestApp, asked: Asked) {
    this.#app = app;
    this.#asked = asked;
    this.#client = new NativeClient(app, asked.token);
    this.#prng = new Prng(asked.seed);
  }

  /** A task with two candidates, calls of either, of the task alone, and of neither. */
  static async make(app: TestApp, asked: Asked): Promise<CampaignWorld> {
    const world = new CampaignWorld(app, asked);
    const settings = { name: 'Весна', cidType: 'gornum', cidData: '+15125550999' };
    const made = await world.#send('POST', '/cis/api/v1/telephony/autoCall', settings);
    world.#taskId = String((made['id'] as Json)['identity']);
    await world.#addCandidates();
    return world;
  }

  async #addCandidates(): Promise<void> {
    const [prng, numbers] = [this.#prng, new Numbers()];
    const batch = [1, 2].map(() => ({ autoCallId: this.#taskId, ...randomCandidate(prng, numbers) }));
    const added = await this.#send('POST', '/cis/api/v1/telephony/autoCallCandidate/batch', { batch });
    for (const { id } of added['items'] as { id: string }[]) this.candidateIds.push(id);
    const [target = '', bystander = ''] = this.candidateIds;
    const calls = Array.from({ length: prng.below(4) }, () => target);
    for (const candidateId of [...calls, bystander]) await this.#call(numbers, { candidateId });
    await this.#call(numbers, { taskId: this.#taskId });
    await this.#call(numbers, {});
  }

  async #call(numbers: Numbers, of: { candidateId?: string; taskId?: string }): Promise<void> {
    const { call, recording, shows } = randomCall(this.#prng, numbers, of);
    const id = await this.#client.archived(call, recording && { recording });
    const row = await this.#rowOf(id);
    const phone = typeof row['phone'] === 'string' ? row['phone'] : undefined;
    this.calls.push({ id, candidateId: of.candidateId, phone, shows });
  }

  /** What a method is to be used on, and the ids of all that it reaches. */
  choose(method: ErasingMethod): { subject: ErasingSubject; reached: ReadonlySet<string> } {
    const [candidateId = ''] = this.candidateIds;
    const callId = this.#prng.pick(this.calls).id;
    const calls = this.calls.filter((call) => call.candidateId === candidateId).map(({ id }) => id);
    const reached = new Set(method.startsWith('K') ? [candidateId, ...calls] : [callId]);
    return { subject: { callId, candidateId }, reached };
  }

  tablesOf(id: string): { shown: DataClasses; stored: DataClasses } {
    if (this.candidateIds.includes(id)) return { shown: candidateClasses, stored: sealedCandidateClasses };
    return { shown: rowClasses, stored: sealedCallClasses };
  }

  /** Everything, by id. */
  async look(): Promise<Map<string, Seen>> {
    const seen = new Map<string, Seen>();
    for (const { id } of this.calls) seen.set(id, await this.#lookAtCall(id));
    for (const id of this.candidateIds) {
      const { updatedAt: _, ...shown } = await this.#send('GET', `/cis/api/v1/telephony/autoCallCandidate/${id}`);
      seen.set(id, { shown, audio: undefined, linkOpens: false, stored: await this.#storedOf(id) });
    }
    const stored = await this.#storedOf(this.#taskId);
    seen.set(this.#taskId, { shown: {}, audio: undefined, linkOpens: false, stored });
    return seen;
  }

  /** Ids of the calls that a number finds. */
  async idsByPhone(phone: string): Promise<unknown[]> {
    const { items } = await this.#send('GET', `/analyse/api/v1/search/cis/calls?phone=${phone}&fields=id`);
    return (items as Json[]).map((row) => row['id']);
  }

  /** Resolves when nothing of the tenant is still to be erased. */
  async untilVerified(): Promise<void> {
    const { erasures } = this.#app.engine.store.reads;
    await until(async () => (await erasures.open(1000)).every(({ tenantId }) => tenantId !== this.#asked.tenant.id));
  }

  async #lookAtCall(id: string): Promise<Seen> {
    const { callTo, callFrom, recordPath, ...row } = await this.#rowOf(id);
    if (typeof recordPath === 'string' && !this.#links.has(id)) this.#links.set(id, new URL(recordPath).pathname);
    const link = this.#links.get(id);
    const opened = link === undefined ? undefined : await this.#app.http.inject({ method: 'GET', url: link });
    const recording = await this.#client.recording(id);
    const audio = recording && createHash('sha256').update(recording.bytes).digest('hex');
    const [customersEnd, ownEnd] = row['isIncoming'] ? [callFrom, callTo] : [callTo, callFrom];
    const shown = { ...row, customersEnd, ownEnd, recordPath: recordPath === null ? null : 'a link' };
    return { shown, audio, linkOpens: opened?.statusCode === 200, stored: await this.#storedOf(id) };
  }

  async #rowOf(id: string): Promise<Json> {
    const { count, items } = await this.#send('GET', `/analyse/api/v1/search/cis/calls?id=${id}`);
    expect(count).toBe(1);
    return (items as Json[])[0] ?? {};
  }

  async #storedOf(id: string): Promise<StoredState> {
    return await storedStateOf(this.#app.engine, this.#asked.tenant.id, id);
  }

  async #send(method: 'GET' | 'POST', url: string, body?: Json): Promise<Json> {
    const headers = { authorization: `Bearer ${this.#asked.token}` };
    const payload = body === undefined ? {} : { payload: JSON.stringify(body) };
    const answer = await this.#app.http.inject({ method, url, headers, ...payload });
    expect(answer.statusCode, answer.body).toBe(200);
    return answer.json<Json>();
  }
}
