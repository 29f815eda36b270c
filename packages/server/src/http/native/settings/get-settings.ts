import { readSettings } from '../../../engine/guard/settings.ts';
import { operation } from '../operation.ts';
import { SettingsShape, settingsBody } from './settings-shapes.ts';

/** `GET /v1/settings`. */
export const getSettings = operation({
  id: 'getSettings',
  method: 'GET',
  path: '/settings',
  tag: 'Settings',
  summary: 'Read the settings of the tenant',
  description: '`guard` is what the tenant has set by itself, `effectiveGuard` what its erasures are measured by.',
  scopes: ['admin'],
  answers: { 200: { description: 'The settings', content: SettingsShape } },
  errors: [],
  async handle({ engine, caller }) {
    return { status: 200, body: settingsBody(await readSettings(engine, caller)) };
  },
});
