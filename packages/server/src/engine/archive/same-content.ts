import type { Call, CallArtifactKind } from '../../model/call.ts';
import { openJson } from '../artifacts.ts';
import type { Engine } from '../context.ts';
import { canonicalJson, type NewCall, type StoredFacts, skeletonOf } from './new-call.ts';

/**
 * True when an archived call holds what is being uploaded: the same times, audio, participants, ids and messages. Events that
 * came later do not count. Throws `key_destroyed` where an erasure has taken what there was to compare with.
 *
 * @param recording what came with the upload; undefined where it has none.
 */
export async function hasSameContent(
  engine: Engine,
  twin: Call,
  call: NewCall,
  recording: Pick<StoredFacts, 'sha256'> | undefined,
): Promise<boolean> {
  if (canonicalJson(skeletonOf(twin)) !== canonicalJson(skeletonOf(call))) return false;
  const artifacts = await engine.store.reads.artifacts.ofOwner(twin.id);
  const of = (kind: CallArtifactKind) =>
    artifacts.find((artifact) => artifact.kind === kind && artifact.sealed !== null);
  const stored = { recording: of('recording'), transcript: of('transcript') };
  const [details, correlation] = [of('details'), of('correlation')];
  if (details === undefined || correlation === undefined) return false;
  const facts = stored.recording && (await openJson<StoredFacts>(engine, stored.recording, 'recording-facts'));
  const transcript = stored.transcript === undefined ? null : await openJson(engine, stored.transcript);
  return (
    facts?.sha256 === recording?.sha256 &&
    canonicalJson(await openJson(engine, details)) === canonicalJson(call.details) &&
    canonicalJson(await openJson(engine, correlation)) === canonicalJson(call.correlation) &&
    canonicalJson(transcript) === canonicalJson(call.transcript)
  );
}
