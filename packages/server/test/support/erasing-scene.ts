/** A scene about Twin24's three methods: campaigns to use them on, and all that may or may not change by it. */
import { expect } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import type { Caller } from '../../src/engine/context.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { scopes, type Tenant } from '../../src/model/tenant.ts';
import { newCandidate } from '../fsck/lived-campaign.ts';
import { type MethodStage, type StageStates, stageStates } from './method-stage.ts';
import { NativeClient, startedAt } from './native-client.ts';
import { type Scene, startScene } from './scene.ts';
import { type ErasingMethod, erasingPath } from './twin-erasing.ts';

export type SentErasing = {
  /** In place of the archive's own tenant's. */
  token?: string;
  /** Default: none. */
  body?: string | Buffer;
  /** Default: none. */
  contentType?: string;
  /** What stands before the path of the method; default that of the gateway. */
  base?: string;
  /** What stands behind it. */
  suffix?: string;
};

export class ErasingScene {
  readonly scene: Scene;
  readonly #token: string;
  #made = 0;

  static async start(): Promise<ErasingScene> {
    const scene = await startScene();
    return new ErasingScene(scene, await scene.app.token());
  }

  private constructor(scene: Scene, token: string) {
    this.scene = scene;
    this.#token = token;
  }

  get engine() {
    return this.scene.app.engine;
  }

  get caller(): Caller {
    return this.scene.app.caller();
  }

  /** A candidate of a task of its own with two calls, each with a recording, a transcript and results. */
  async campaign(change: { status?: string; otherStatus?: string } = {}, of = this.caller): Promise<MethodStage> {
    this.#made += 1;
    const mine = this.#made;
    const token = of.tenant.id === this.caller.tenant.id ? this.#token : await this.tokenOf(of.tenant);
    const client = new NativeClient(this.scene.app, token);
    const task = await createTask(this.engine, of, { name: 'spring', settings: {}, botId: null });
    const asked = [newCandidate(task, `c${mine}`, [`512555${1000 + mine}`])];
    const [candidateId = ''] = await addCandidates(this.engine, of, asked, { start: true });
    const call = { startedAt, candidateId, results: { said: 'yes' }, transcript: [{ text: 'yes' }] };
    const archive = async (status: string | undefined) =>
      await client.archived({ ...call, ...(status && { status }) }, { recording: this.scene.audio });
    return { candidateId, callId: await archive(change.status), otherId: await archive(change.otherStatus) };
  }

  /** A stranger with a campaign of his own. */
  async stranger(): Promise<{ stage: MethodStage; caller: Caller }> {
    this.#made += 1;
    const tenant = await createTenant(this.engine, { slug: `stranger-${this.#made}`, region: 'US' });
    const caller = { ...this.caller, tenant };
    return { stage: await this.campaign({}, caller), caller };
  }

  async tokenOf(tenant: Tenant): Promise<string> {
    return await this.scene.app.token(scopes, tenant);
  }

  /** Sends a method exactly as it is given; the flag that its column stands for is not added. */
  async send(method: ErasingMethod, stage: MethodStage, sent: SentErasing = {}) {
    const { token = this.#token, body, contentType, base = '/cis/api/v1', suffix = '' } = sent;
    return await this.scene.app.http.inject({
      method: method === 'R' ? 'DELETE' : 'POST',
      url: `${base}${erasingPath(method, stage)}${suffix}`,
      headers: { authorization: `Bearer ${token}`, ...(contentType && { 'content-type': contentType }) },
      ...(body !== undefined && { payload: body }),
    });
  }

  async states(stage: MethodStage, { tenant }: Caller = this.caller): Promise<StageStates> {
    return await stageStates(this.engine, tenant.id, stage);
  }

  /** Ids of all that an erasure leaves of itself: its row, its keys' journal, its job. */
  async traces(): Promise<string[]> {
    const { erasures, jobs, journal } = this.engine.store.reads;
    const erased = (await journal.page('', 1000)).filter(({ kind }) => kind === 'item_erased');
    const left = [await erasures.page('', 1000), await jobs.list({ unfinishedOnly: false, limit: 1000 }), erased];
    return left.flat().map(({ id }) => id);
  }

  /** While `work` runs nothing is erased of these stages, or even begun. */
  async expectUnchanged(stages: readonly [MethodStage, Caller][], work: () => Promise<void>): Promise<void> {
    const look = async () => {
      const states: StageStates[] = [];
      for (const [stage, caller] of stages) states.push(await this.states(stage, caller));
      return { states, traces: await this.traces() };
    };
    const before = await look();
    await work();
    expect(await look()).toEqual(before);
  }

  /** Holds calls or candidates. */
  async hold(...callIds: readonly string[]): Promise<string> {
    const asked = { callIds, identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
    return (await placeHold(this.engine, this.caller, asked)).id;
  }
}

/** An error in the vendor's form, with exactly this text where one is given. */
export function expectTwinError(
  answer: Awaited<ReturnType<ErasingScene['send']>>,
  status: number,
  text?: string,
): void {
  expect(answer.statusCode, answer.body).toBe(status);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answer.json()).toEqual({ error: text ?? expect.any(String) });
}
