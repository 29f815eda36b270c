import type { Operation } from './operation.ts';
import { changeSettings } from './settings/change-settings.ts';
import { getSettings } from './settings/get-settings.ts';
import { listRetention } from './settings/list-retention.ts';
import { removeRetention } from './settings/remove-retention.ts';
import { setRetention } from './settings/set-retention.ts';

export const settingOperations: readonly Operation[] = [
  getSettings,
  changeSettings,
  listRetention,
  setRetention,
  removeRetention,
];
