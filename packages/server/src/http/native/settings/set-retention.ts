import { Type } from 'typebox';
import { latestRetention } from '../../../engine/retention/read-retention.ts';
import {
  type AskedRetention,
  countReached,
  previewRetention,
  setRetention as set,
} from '../../../engine/retention/set-retention.ts';
import { operation } from '../operation.ts';
import { strict, timeIn } from '../shapes.ts';
import { kindIn, RetentionIn, RetentionSetShape, retentionSetBody } from './settings-shapes.ts';

/** `PUT /v1/retention/{kind}`. */
export const setRetention = operation({
  id: 'setRetention',
  method: 'PUT',
  path: '/retention/:kind',
  tag: 'Settings',
  summary: 'Set for how long calls of a kind are kept',
  description:
    'Takes the place of what was to come for that kind, and says how many existing calls it reaches. Calls that have ' +
    'outlived it are purged by the actor `policy`, with holds and the guard applied; a call whose `retainUntil` lies ahead is kept until then.',
  scopes: ['admin'],
  takesKey: true,
  query: Type.Object(
    { dryRun: Type.Optional(Type.Boolean({ default: false, description: 'Counts, and changes nothing' })) },
    strict,
  ),
  body: RetentionIn,
  answers: { 200: { description: 'What was set, or would be', content: RetentionSetShape } },
  errors: ['retention_not_found'],
  async handle({ engine, caller, id, query, body, once }) {
    const kind = kindIn(id);
    const { days, reachesExisting = true } = body;
    const effectiveAt = timeIn('effectiveAt', body.effectiveAt);
    const asked: AskedRetention = { kind, days, effectiveAt, reachesExisting };
    const isDryRun = query.dryRun === true;
    if (!isDryRun) {
      await once(null, async (keeper) => {
        await set(engine, caller, asked, keeper);
        return { status: 200, subjectId: kind };
      });
    }
    const retention = isDryRun
      ? await previewRetention(engine, caller, asked)
      : await latestRetention(engine, caller, kind);
    return { status: 200, body: retentionSetBody(kind, retention, await countReached(engine, retention)) };
  },
});
