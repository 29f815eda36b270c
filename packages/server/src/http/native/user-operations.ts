import type { Operation } from './operation.ts';
import { changeUser } from './users/change-user.ts';
import { createUser } from './users/create-user.ts';
import { disableUser } from './users/disable-user.ts';
import { getUser } from './users/get-user.ts';
import { listUsers } from './users/list-users.ts';
import { rotateUser } from './users/rotate-user.ts';

export const userOperations: readonly Operation[] = [
  createUser,
  listUsers,
  getUser,
  changeUser,
  rotateUser,
  disableUser,
];
