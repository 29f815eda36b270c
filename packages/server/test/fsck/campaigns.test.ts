import { describe } from 'vitest';
import { campaigns, lateArtifacts, marks, users } from './campaign-damages.ts';
import { eachDamage } from './damage.ts';

describe('fsck finds among tasks and candidates', () => eachDamage(campaigns));
describe('fsck finds among the marks of what was erased in part', () => eachDamage(marks));
describe('fsck finds among what comes late', () => eachDamage(lateArtifacts));
describe('fsck finds among the users', () => eachDamage(users));
