import { describe } from 'vitest';
import { eachDamage } from './damage.ts';
import { journals, pages, slots } from './tree-damages.ts';

describe('fsck finds in the key pages', () => eachDamage(pages));
describe('fsck finds among the slots', () => eachDamage(slots));
describe('fsck finds in the journal', () => eachDamage(journals));
