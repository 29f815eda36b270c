import type { JsonObject } from '../../engine/archive/new-call.ts';
import type { NewTask } from '../../engine/campaigns/create-task.ts';
import { AppError } from '../../model/errors.ts';
import { invalidField } from '../json-in.ts';
import { optionalMap, optionalUuid } from './body-fields.ts';

/** A task's settings in all, as JSON. */
export const settingsBytesMax = 256 * 1024;

const startTypes = ['manual', 'time'];

/**
 * Reads the body of a new task. The name alone is required, though the vendor's documents require more (`defaultExec`,
 * `cidType`, `cps` and others): those are for whoever dials to miss. Of everything else only that is looked at which would
 * mean something else in another type; the rest is kept as given: numbers as text, whole numbers as yes or no, lists in all
 * their forms.
 *
 * Throws `input_invalid`, and `upload_too_large` for more than `settingsBytesMax`.
 */
export function readTaskBody(body: JsonObject): NewTask {
  const { name, ...settings } = body;
  if (typeof name !== 'string' || name.trim() === '') throw invalidField('name', 'is required and must be text');
  const { startType = null } = settings;
  if (startType !== null && !startTypes.some((known) => known === startType)) {
    throw invalidField('startType', `must be ${startTypes.join(' or ')}`);
  }
  optionalMap(settings['additionalOptions'], 'additionalOptions');
  optionalMap(settings['redialStrategyOptions'], 'redialStrategyOptions');
  if (Buffer.byteLength(JSON.stringify(body)) > settingsBytesMax) {
    throw new AppError('upload_too_large', { message: `The task is larger than ${settingsBytesMax / 1024} KiB` });
  }
  return { name, settings, botId: optionalUuid(settings['defaultExecData'], 'defaultExecData') };
}
