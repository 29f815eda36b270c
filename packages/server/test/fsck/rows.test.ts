import { describe } from 'vitest';
import { eachDamage } from './damage.ts';
import { artifacts, calls, erasures, events } from './row-damages.ts';
import { tokens, tombstones } from './token-damages.ts';

describe('fsck finds among the artifacts', () => eachDamage(artifacts));
describe('fsck finds among the events', () => eachDamage(events));
describe('fsck finds among calls, tenants and holds', () => eachDamage(calls));
describe('fsck finds among the tokens', () => eachDamage(tokens));
describe('fsck finds among the tombstones', () => eachDamage(tombstones));
describe('fsck finds among the erasures', () => eachDamage(erasures));
