import { removeRetention as remove } from '../../../engine/retention/set-retention.ts';
import { operation } from '../operation.ts';
import { kindIn } from './settings-shapes.ts';

/** `DELETE /v1/retention/{kind}`. */
export const removeRetention = operation({
  id: 'removeRetention',
  method: 'DELETE',
  path: '/retention/:kind',
  tag: 'Settings',
  summary: 'Take back a retention that has not begun',
  description: 'What is in force stays: set one with `days` null to keep calls for ever.',
  scopes: ['admin'],
  takesKey: true,
  answers: { 204: { description: 'It will not begin', content: null } },
  errors: ['retention_not_found'],
  async handle({ engine, caller, id, once }) {
    const kind = kindIn(id);
    const { status } = await once(
      null,
      async (keeper) => {
        await remove(engine, caller, kind, keeper);
        return { status: 204, subjectId: kind };
      },
      { id },
    );
    return { status };
  },
});
