/** Calls as a platform archives them natively, told to the engine without a surface. */
import { Readable } from 'node:stream';
import type { NewCall } from '../../src/engine/archive/new-call.ts';
import type { PlatformCorrelation, PlatformDetails } from '../../src/engine/archive/platform-call.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { type Identifier, noCampaign } from '../../src/model/call.ts';
import { isCustomer } from '../../src/model/customer.ts';

export type PlatformSeed = Partial<Omit<NewCall, 'details' | 'correlation' | 'identifiers'>> & {
  details?: Partial<PlatformDetails>;
  correlation?: Partial<PlatformCorrelation>;
  recording?: { bytes: Buffer; contentType: string };
};

const silentDetails: PlatformDetails = {
  participants: [],
  variables: null,
  results: null,
  dialogResult: null,
  nps: null,
  redirect: null,
  logLink: null,
  metadata: null,
};

const silentCorrelation: PlatformCorrelation = {
  sessionId: null,
  externalId: null,
  callbackData: null,
  ownNumber: null,
  shortNumber: null,
  taskName: null,
  botName: null,
  responder: null,
  transferredToOperator: null,
  price: null,
  regionId: null,
  timezone: null,
};

/** Archives a call; what is not said of it is unknown. Returns its id. */
export async function archivePlatformCall(engine: Engine, caller: Caller, seed: PlatformSeed = {}): Promise<string> {
  const { recording, ...said } = seed;
  const details = { ...silentDetails, ...said.details };
  const correlation = { ...silentCorrelation, ...said.correlation };
  const upload = new Upload(engine, caller);
  await upload.describe(
    {
      kind: 'call',
      source: 'native',
      direction: 'outbound',
      startedAt: Date.parse('2024-03-01T10:00:00Z'),
      endedAt: null,
      durationMs: null,
      ...noCampaign,
      transcript: null,
      audioFormat: null,
      ...said,
      details,
      correlation,
      identifiers: identifiersOf(details, correlation),
    },
    { hasRecording: recording !== undefined },
  );
  if (recording) await upload.storeRecording(Readable.from([recording.bytes]), { contentType: recording.contentType });
  return (await upload.finish()).callId;
}

function identifiersOf({ participants }: PlatformDetails, correlation: PlatformCorrelation): Identifier[] {
  const named: [Identifier['kind'], string | null][] = [
    ['session', correlation.sessionId],
    ['external', correlation.externalId],
  ];
  for (const { role, phone } of participants) if (isCustomer(role)) named.push(['phone', phone]);
  return named.flatMap(([kind, value]) => (value === null ? [] : [{ kind, value }]));
}
