import { newId } from '../../lib/ids.ts';
import { type Artifact, type Call, type CallArtifactKind, callArtifactKinds } from '../../model/call.ts';
import { AppError, codeOf, hasCode } from '../../model/errors.ts';
import type { LockKey } from '../../model/locks.ts';
import type { StoreTx } from '../../model/store.ts';
import type { OpenAnswer } from '../answers/open-answer.ts';
import { sealJson } from '../artifacts.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { openCandidate } from '../campaigns/candidate-door.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { endAwaited, gatherAwaited, takeAwaited } from '../events/absorb.ts';
import { coresOf, insertTokens, type KindCore, lockKeysOf } from '../identifiers.ts';
import { destroyUpload, removeStray } from './abandoned-uploads.ts';
import { type NewCall, type RecordingFacts, type StoredFacts, skeletonOf } from './new-call.ts';
import { measureRecording, sealRecording } from './recording-bytes.ts';
import { hasSameContent } from './same-content.ts';
import { isElsewhere, type SessionHolder, sessionHolder } from './session-holder.ts';
import { sessionRefused, uploadErased } from './session-refusals.ts';
import { refuseGivenUp, uploadArtifact, uploadRow } from './upload-rows.ts';

/** What became of an upload: a new call, or the one that was there already with the same content. */
export type Archived = { callId: string; isNew: boolean };

/** What is known of a call's parts when it is described. */
export type Coming = {
  /** False where the call has no recording, and will bring none: then no slot is taken for one. */
  hasRecording: boolean;
};

/** Attempts at naming slots before giving up: a lease lost twice in a row means a stalled machine. */
const namingAttempts = 3;
/** Attempts at taking the events that wait for the call, when more come each time. */
const gatheringAttempts = 20;

/**
 * One call on its way into the archive.
 *
 * `describe` and `storeRecording` may come in either order (clients send their parts in either). A row that names the
 * slots is committed before the first byte is sealed, so that whatever dies on the way leaves something that can be
 * found and destroyed. `finish` makes the call visible; `abort` leaves nothing.
 */
export class Upload {
  readonly #engine: Engine;
  readonly #caller: Caller;
  /** Kept of the request, if it is to be answered once. */
  readonly #answer: OpenAnswer | undefined;
  #callId: string | undefined;
  #artifacts: Artifact[] = [];
  #call: NewCall | undefined;
  /** What it is found by. */
  #cores: readonly KindCore[] = [];
  #hasRecording = true;
  #facts: Omit<StoredFacts, 'format'> | undefined;
  #blobBytes = 0;
  /** Set when the session belongs to a call that is archived already: then nothing is stored, only compared. */
  #twin: Call | undefined;
  #renewing: NodeJS.Timeout | undefined;
  readonly #lost = new AbortController();

  constructor(engine: Engine, caller: Caller, answer?: OpenAnswer) {
    requireScope(caller, 'calls:write');
    this.#engine = engine;
    this.#caller = caller;
    this.#answer = answer;
  }

  /**
   * Says which call this is. Throws `call_erased` for the session of a purged call, `upload_busy` while another upload
   * of the session is under way, and what `openCandidate` does. A session that is archived already is compared in `finish`.
   *
   * @param coming default: a call has a recording, which comes before or after; a chat or a case has none.
   */
  async describe(call: NewCall, coming: Coming = { hasRecording: call.kind === 'call' }): Promise<void> {
    this.#call = call;
    this.#hasRecording = coming.hasRecording;
    const { tenant } = this.#caller;
    const cores = await coresOf(this.#engine, tenant, call.identifiers);
    this.#cores = cores;
    const session = cores.filter(({ kind }) => kind === 'session').map(({ core }) => core);
    // Of two uploads of one session at once, the second sees the first.
    const keys = lockKeysOf(tenant.id, [{ kind: 'session', cores: session }]);
    const holder = await this.#naming(async (tx) => {
      if (call.candidateId !== null) await openCandidate(tx, tenant.id, call.candidateId);
      const found = await sessionHolder(this.#engine, tx, tenant, call);
      if (found.kind === 'free') await insertTokens(this.#engine, tx, tenant, this.#id(), cores);
      return found;
    }, keys);
    this.#twin = await this.#settle(holder);
    await this.#engine.faults.at('archive:named');
  }

  /** Seals the audio into the blob store as it comes. Nothing of it is ever whole in memory or plain on disk. */
  async storeRecording(source: AsyncIterable<Uint8Array>, facts: RecordingFacts): Promise<void> {
    if (this.#callId === undefined && this.#twin === undefined) await this.#naming(async () => undefined);
    if (this.#twin !== undefined) this.#facts = { ...facts, ...(await measureRecording(this.#engine, source)) };
    else {
      const { blobBytes, ...measured } = await this.#whileOurs(
        async () => await sealRecording(this.#engine, this.#artifact('recording'), source, this.#lost.signal),
      );
      this.#blobBytes = blobBytes;
      this.#facts = { ...facts, ...measured };
    }
    await this.#engine.faults.at('archive:bytes-stored');
  }

  /** Makes the call visible, or says which call it already is. Throws what `sessionRefused` says for different content. */
  async finish(): Promise<Archived> {
    clearInterval(this.#renewing);
    const call = this.#call;
    if (call === undefined) throw new AppError('input_invalid', { message: 'The call was not described' });
    if (this.#twin !== undefined) return await this.#compare(this.#twin, call);
    if (this.#facts === undefined && this.#hasRecording) {
      throw new AppError('input_invalid', { message: 'The call has no recording' });
    }
    const sealed = new Map<Artifact, Buffer>();
    const answer = await this.#whileOurs(async () => {
      for (const artifact of this.#artifacts) sealed.set(artifact, await this.#sealSmall(artifact, call));
      return await this.#answer?.seal(this.#artifact('details'), this.#facts?.sha256);
    });
    await this.#engine.faults.at('archive:sealed');
    const callId = this.#id();
    await this.#makeVisible(callId, call, { sealed, answer });
    this.#callId = undefined;
    await this.#engine.faults.at('archive:finished');
    return { callId, isNew: true };
  }

  /** The commit from which on the call is there, with the events that waited for it. */
  async #makeVisible(callId: string, call: NewCall, { sealed, answer }: Sealed): Promise<void> {
    const { tenant } = this.#caller;
    const comer = { details: this.#artifact('details'), cores: this.#cores };
    for (let attempt = 1; ; attempt += 1) {
      const gathered = await gatherAwaited(this.#engine, tenant, comer);
      const { keys, callIds } = gathered.locks;
      const ended = await this.#engine.store.write(async (tx) => {
        await tx.locks.take(keys, 'shared');
        if (call.candidateId !== null) await openCandidate(tx, tenant.id, call.candidateId);
        await tx.calls.lock(callIds);
        refuseGivenUp(await tx.calls.find(tenant.id, callId), call);
        const taken = await takeAwaited(this.#engine, tx, tenant, gathered);
        if (taken === undefined) return undefined;
        for (const [artifact, bytes] of sealed)
          await tx.artifacts.setSealed(artifact.slot, this.#change(artifact, bytes));
        await tx.calls.update(callId, { ...skeletonOf(call), status: 'complete', uploadUntil: null });
        if (answer !== undefined) await this.#answer?.end(tx, answer);
        await tx.audit.append(auditEntry(this.#engine, this.#caller, 'call.archived', callId));
        return await endAwaited(this.#engine, tx, tenant.id, taken);
      });
      if (ended !== undefined && ended > 0) this.#engine.sealer.request();
      if (ended !== undefined) return;
      if (attempt === gatheringAttempts) throw new AppError('store_busy', { detail: 'events came all the time' });
    }
  }

  /** Ends an upload that will not finish: keys destroyed, rows and bytes gone. Safe to call at any point. */
  async abort(): Promise<void> {
    clearInterval(this.#renewing);
    const callId = this.#callId;
    this.#callId = undefined;
    if (callId === undefined) return;
    const end = await destroyUpload(this.#engine, this.#caller.tenant.id, callId);
    // Its finishing commit did happen, only the answer was lost: the call lives, and its bytes with it.
    if (end === 'archived') return;
    // Where somebody else destroyed the upload first, bytes of ours may have come after it.
    const blobs = this.#artifacts.flatMap((artifact) => artifact.blob ?? []);
    await removeStray(this.#engine, callId, blobs);
  }

  /** Commits the row that names the slots (the first time), together with what `also` does while it has the `keys`. */
  async #naming<T>(also: (tx: StoreTx) => Promise<T>, keys: readonly LockKey[] = []): Promise<T> {
    const kinds = this.#kinds().filter((kind) => !this.#artifacts.some((artifact) => artifact.kind === kind));
    for (let attempt = 1; ; attempt += 1) {
      const slots = kinds.length === 0 ? [] : await this.#engine.issuer.take(kinds.length);
      await this.#engine.faults.at('archive:slots-taken');
      const callId = this.#callId ?? newId(this.#engine.clock.now());
      const owner = { id: callId, tenantId: this.#caller.tenant.id };
      const artifacts = kinds.map((kind, i) => uploadArtifact(owner, kind, slots[i] ?? 0));
      const before = this.#callId;
      this.#callId = callId;
      try {
        const result = await this.#engine.store.write(async (tx) => {
          await tx.locks.take(keys, 'alone');
          if (before !== undefined) refuseGivenUp(await tx.calls.find(this.#caller.tenant.id, callId), this.#call);
          const done = await also(tx);
          if (isElsewhere(done)) return done;
          // A recording that came first did not say whose: an erasure of its candidate must find it from here on.
          if (before !== undefined && this.#call !== undefined) await tx.calls.update(callId, skeletonOf(this.#call));
          if (artifacts.length === 0) return done;
          if (before === undefined) await tx.calls.insert(uploadRow(this.#engine, owner, skeletonOf(this.#call)));
          if (before === undefined) await this.#answer?.begin(tx, callId);
          await tx.artifacts.insert(artifacts);
          await this.#engine.issuer.confirm(tx.keys, slots);
          return done;
        });
        if (isElsewhere(result)) this.#callId = before;
        else this.#named(artifacts);
        return result;
      } catch (error) {
        this.#callId = before;
        if (!hasCode(error, 'lease_lost') || attempt === namingAttempts) throw error;
      }
    }
  }

  #named(artifacts: readonly Artifact[]): void {
    this.#artifacts = [...this.#artifacts, ...artifacts];
    if (this.#renewing !== undefined) return;
    const everyMs = this.#engine.limits.uploadLeaseMs / 3;
    this.#renewing = setInterval(() => void this.#renew(), everyMs);
    this.#renewing.unref();
  }

  async #renew(): Promise<void> {
    const { clock, limits, store } = this.#engine;
    const callId = this.#callId;
    if (callId === undefined) return;
    try {
      // Counted from the commit: a write may wait for longer than a lease lasts.
      const until = () => clock.now() + limits.uploadLeaseMs;
      const stands = await store.write(async (tx) => await tx.calls.renewUpload(callId, until()));
      if (!stands) this.#lost.abort(uploadErased(this.#call));
    } catch (error) {
      this.#engine.log.warn('upload.renew_failed', { code: codeOf(error) });
    }
  }

  async #settle(holder: SessionHolder): Promise<Call | undefined> {
    if (holder.kind === 'free') return undefined;
    await this.abort();
    if (holder.kind === 'erased') throw uploadErased(this.#call);
    if (holder.kind === 'uploading') throw new AppError('upload_busy');
    return holder.call;
  }

  /** Identical content is the same call; anything else is a clash. A twin purged meanwhile is erased like any other. */
  async #compare(twin: Call, call: NewCall): Promise<Archived> {
    const isTwin = await hasSameContent(this.#engine, twin, call, this.#facts).catch((error: unknown) => {
      if (hasCode(error, 'key_destroyed')) return false;
      throw error;
    });
    if (isTwin) {
      await this.#answer?.keepFor(twin.id, this.#facts?.sha256);
      return { callId: twin.id, isNew: false };
    }
    // What was there to compare with is gone, in whole or in part: only its row says which.
    const row = await this.#engine.store.reads.calls.find(this.#caller.tenant.id, twin.id);
    throw sessionRefused(row, call, { hasRecording: this.#facts !== undefined });
  }

  /** Keys or bytes that go under an upload mean that it was given up or met by an erasure: its row says which. */
  async #whileOurs<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (hasCode(error, 'key_destroyed') || hasCode(error, 'blob_failed')) {
        const { reads } = this.#engine.store;
        const candidateId = this.#call?.candidateId ?? null;
        if (candidateId !== null) await openCandidate(reads, this.#caller.tenant.id, candidateId);
        refuseGivenUp(await reads.calls.find(this.#caller.tenant.id, this.#id()), this.#call);
      }
      throw error;
    }
  }

  async #sealSmall(artifact: Artifact, call: NewCall): Promise<Buffer> {
    const { audioFormat: format } = call;
    const facts = { ...this.#facts, format };
    if (artifact.kind === 'recording') return await sealJson(this.#engine, artifact, facts, 'recording-facts');
    const plain = { details: call.details, correlation: call.correlation, transcript: call.transcript };
    return await sealJson(this.#engine, artifact, plain[artifact.kind as keyof typeof plain]);
  }

  #change(artifact: Artifact, sealed: Buffer) {
    return artifact.kind === 'recording' ? { sealed, blobBytes: this.#blobBytes } : { sealed };
  }

  /** Which artifacts this call will have, as far as is known. What there is none of takes no slot. */
  #kinds(): CallArtifactKind[] {
    return callArtifactKinds.filter(
      (kind) => (kind !== 'recording' || this.#hasRecording) && (kind !== 'transcript' || this.#call?.transcript),
    );
  }

  #artifact(kind: CallArtifactKind): Artifact {
    const artifact = this.#artifacts.find((one) => one.kind === kind);
    if (artifact === undefined) throw new AppError('internal', { detail: `the upload has no ${kind}` });
    return artifact;
  }

  #id(): string {
    if (this.#callId === undefined) throw new AppError('internal', { detail: 'the upload has no row' });
    return this.#callId;
  }
}

/** What a call consists of, sealed, and its answer where one is kept. */
type Sealed = { sealed: ReadonlyMap<Artifact, Buffer>; answer: Buffer | undefined };
