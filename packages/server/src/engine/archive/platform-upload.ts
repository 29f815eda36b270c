import { AppError } from '../../model/errors.ts';
import { type Answered, answerAgain, answerOf, OpenAnswer } from '../answers/open-answer.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import type { RecordingFacts } from './new-call.ts';
import { type PlatformCall, toNewCall } from './platform-new-call.ts';
import { measureRecording } from './recording-bytes.ts';
import { type Archived, type Coming, Upload } from './upload.ts';

/** What a request with an `Idempotency-Key` is to do, as part of what it is recognised by. Never changed. */
const verb = 'POST /v1/calls';

/**
 * One call that a platform sends natively: its description and its recording in either order, the recording being optional.
 *
 * With an `Idempotency-Key` it is carried out once: the same request again stores nothing and gives the same id.
 * `finish` makes the call visible; `abort` leaves nothing.
 */
export class PlatformUpload {
  readonly #engine: Engine;
  readonly #caller: Caller;
  readonly #upload: Upload;
  readonly #answer: OpenAnswer | undefined;
  readonly #answered: Answered | undefined;
  #said: PlatformCall | undefined;
  #isTold = false;
  #hasRecording = false;
  /** In hex; measured only where the request was answered before. */
  #recordingSha256: string | undefined;

  private constructor(engine: Engine, caller: Caller, known: Answered | OpenAnswer | undefined) {
    this.#engine = engine;
    this.#caller = caller;
    this.#answer = known instanceof OpenAnswer ? known : undefined;
    this.#answered = known instanceof OpenAnswer ? undefined : known;
    this.#upload = new Upload(engine, caller, this.#answer);
  }

  /** Throws `scope_missing` without `calls:write`, and `upload_busy` while the same request is under way. */
  static async begin(engine: Engine, caller: Caller, idempotencyKey: string | undefined): Promise<PlatformUpload> {
    requireScope(caller, 'calls:write');
    const known = idempotencyKey === undefined ? undefined : await answerOf(engine, caller, verb, idempotencyKey);
    return new PlatformUpload(engine, caller, known);
  }

  /** The answer, where nothing that may yet come of the request changes it; undefined otherwise. */
  get settled(): Archived | undefined {
    if (this.#answered === undefined || this.#answered.print !== undefined) return undefined;
    return { callId: this.#answered.callId, isNew: false };
  }

  /**
   * Takes the description. It is told to the archive with the recording or at the end, when it is known whether there is
   * one, so that no key is made for a recording that never comes.
   */
  describe(said: PlatformCall): void {
    this.#said = said;
    this.#answer?.describe(said);
  }

  /** Seals the recording as it comes. Throws what `Upload.describe` and `Upload.storeRecording` do. */
  async storeRecording(source: AsyncIterable<Uint8Array>, facts: RecordingFacts): Promise<void> {
    if (this.#answered !== undefined) {
      this.#recordingSha256 = (await measureRecording(this.#engine, source)).sha256;
      return;
    }
    if (this.#said !== undefined) await this.#tell(this.#said, { hasRecording: true });
    await this.#upload.storeRecording(source, facts);
    this.#hasRecording = true;
  }

  /** Throws what `Upload.finish` does, and `idempotency_mismatch` for another request under a key that was used. */
  async finish(): Promise<Archived> {
    const said = this.#said;
    if (said === undefined) throw new AppError('input_invalid', { message: 'The call was not described' });
    if (this.#answered !== undefined) {
      return { callId: answerAgain(this.#answered, said, this.#recordingSha256), isNew: false };
    }
    if (!this.#isTold) await this.#tell(said, { hasRecording: this.#hasRecording });
    return await this.#upload.finish();
  }

  /** Ends an upload that will not finish: nothing of it stays. Safe to call at any point. */
  async abort(): Promise<void> {
    await this.#upload.abort();
  }

  async #tell(said: PlatformCall, coming: Coming): Promise<void> {
    await this.#upload.describe(await toNewCall(this.#engine, this.#caller, said), coming);
    this.#isTold = true;
  }
}
