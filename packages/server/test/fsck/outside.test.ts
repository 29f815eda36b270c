import { describe } from 'vitest';
import { eachDamage } from './damage.ts';
import { blobs, database, vault } from './outside-damages.ts';

describe('fsck finds in the blob store', () => eachDamage(blobs));
describe('fsck finds in the vault', () => eachDamage(vault));
describe('fsck finds in the database', () => eachDamage(database));
