import { changeClient } from './clients/change-client.ts';
import { createClient } from './clients/create-client.ts';
import { disableClient } from './clients/disable-client.ts';
import { getClient } from './clients/get-client.ts';
import { listClients } from './clients/list-clients.ts';
import { rotateClient } from './clients/rotate-client.ts';
import type { Operation } from './operation.ts';

export const clientOperations: readonly Operation[] = [
  createClient,
  listClients,
  getClient,
  changeClient,
  rotateClient,
  disableClient,
];
