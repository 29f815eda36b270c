import type { Migration } from './migration.ts';

/**
 * How tables are kept whose rows are rewritten all the time, where the database can be told.
 *
 * A key page is noise: trying to compress it is wasted, and each of its rewrites leaves a dead copy behind. So these tables
 * are swept early; and so are jobs, of which few live and many have died.
 */
export const largeValues: Migration = {
  name: '0004-large-values',
  statements: ({ isTunable }) => (isTunable ? [...uncompressed, ...sweptEarly] : []),
};

const uncompressed = [
  ['key_page', 'sealed'],
  ['archive', 'page'],
  ['artifact', 'sealed'],
  ['metadata_event', 'sealed'],
  ['kept_answer', 'sealed'],
].map(([table, column]) => `ALTER TABLE ${table} ALTER COLUMN ${column} SET STORAGE EXTERNAL`);

const sweptEarly = [
  `ALTER TABLE key_page SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
    toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_threshold = 2000)`,
  `ALTER TABLE archive SET (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200,
    toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 2000)`,
  'ALTER TABLE job SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500)',
  'ALTER TABLE call SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)',
  'ALTER TABLE artifact SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)',
  'ALTER TABLE token SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)',
  'ALTER TABLE item SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)',
];
