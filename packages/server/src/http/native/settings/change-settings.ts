import { changeSettings as change, readSettings } from '../../../engine/guard/settings.ts';
import { operation } from '../operation.ts';
import { SettingsChange, SettingsShape, settingsBody } from './settings-shapes.ts';

/** `PATCH /v1/settings`. */
export const changeSettings = operation({
  id: 'changeSettings',
  method: 'PATCH',
  path: '/settings',
  tag: 'Settings',
  summary: 'Change the settings of the tenant',
  description:
    'What is absent stays. Plans that were made before have to keep tighter bounds when they are executed; one that waits for an approval goes on waiting. The audit has ' +
    'a row with the old values and the new.',
  scopes: ['admin'],
  takesKey: true,
  body: SettingsChange,
  answers: { 200: { description: 'The settings as they are now', content: SettingsShape } },
  errors: [],
  async handle({ engine, caller, body, once }) {
    await once(null, async (keeper) => {
      await change(engine, caller, { guard: definedOf(body.guard) }, keeper);
      return { status: 200, subjectId: caller.tenant.id };
    });
    return { status: 200, body: settingsBody(await readSettings(engine, caller)) };
  },
});

/** A bound that is not spoken of is absent. */
function definedOf({ calls, percent }: { calls?: number | null; percent?: number | null }) {
  return { ...(calls !== undefined && { calls }), ...(percent !== undefined && { percent }) };
}
