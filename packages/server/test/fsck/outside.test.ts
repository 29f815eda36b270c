import { describe } from 'vitest';
import { copies } from './copy-damages.ts';
import { eachDamage } from './damage.ts';
import { openCopyOfTwoVaults } from './lived-archive.ts';
import { blobs, database, vault } from './outside-damages.ts';

describe('fsck finds in the blob store', () => eachDamage(blobs));
describe('fsck finds in the vault', () => eachDamage(vault));
describe('fsck finds in one folder of two of the vault', () => eachDamage(copies, openCopyOfTwoVaults));
describe('fsck finds in the database', () => eachDamage(database));
