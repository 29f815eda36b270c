import { errorCodes } from './errors.ts';

/** Values of a label: a closed list, or the patterns of our routes, which are as closed. */
type LabelValues = readonly string[] | 'route patterns';

type Metric = {
  type: 'counter' | 'gauge' | 'histogram';
  labels: Readonly<Record<string, LabelValues>>;
  help: string;
  /** When an operator should be woken or told, in words of Prometheus where that is shorter. */
  alert?: string;
  /** Upper bounds, in the metric's unit. */
  buckets?: readonly number[];
};

/** The clients whose requests are told apart. `other` has health checks, and paths that no surface knows. */
const surfaces = ['creovai', 'twin24', 'native', 'share', 'other'] as const;
export const httpMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other'] as const;
/** `cut`: the connection broke before the answer was out. */
const httpStatuses = ['2xx', '3xx', '4xx', '5xx', 'cut'] as const;
/** What a process looks after without being asked, by the names that its log lines have. */
export const upkeepTasks = [
  'leases',
  'awaited',
  'late_artifacts',
  'uploads',
  'candidates',
  'tasks',
  'reservations',
  'daily_seal',
  'expiry',
  'lock_away',
  'epochs',
  'tombstones',
  'plans',
  'answers',
  'retention',
  'journal_details',
  'audit_chain',
] as const;

const erasureStates = ['planned', 'running', 'completed', 'completed_with_failures', 'cancelled'] as const;
/** Kinds of journal entries that destroy slots. */
const destroyers = [
  'item_erased',
  'slots_unnamed',
  'slots_replaced',
  'upload_abandoned',
  'epoch_ended',
  'user_disabled',
  'hold_released',
] as const;
const blobVerbs = ['create', 'open', 'read', 'stat', 'erase', 'remaining', 'list', 'remove_unfinished'] as const;

const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60, 300];
const erasureBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86_400];
const diskBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Every metric there is; `docs/metrics.md` is made from it. Counts, sizes and durations only: no id, no tenant, nothing that
 * a client supplied. Base units are seconds and bytes.
 */
export const metrics = {
  tacet_http_requests_total: {
    type: 'counter',
    labels: { surface: surfaces, method: httpMethods, route: 'route patterns', status: httpStatuses },
    help: 'Requests answered, or cut off before',
    alert: '`status="5xx"` is more than 1 % of all for 5 minutes',
  },
  tacet_http_request_seconds: {
    type: 'histogram',
    labels: { surface: surfaces, method: httpMethods, route: 'route patterns' },
    help: 'From the first line of a request to the last byte of its answer; uploads and downloads last as long as their clients take',
    buckets: requestBuckets,
  },
  tacet_erasure_moves_total: {
    type: 'counter',
    labels: { from: ['none', ...erasureStates], to: erasureStates },
    help: 'Erasures that went from one state to another; `none` is where they begin',
    alert: 'any with `to="completed_with_failures"`: something was held back',
  },
  tacet_items_total: {
    type: 'counter',
    labels: { outcome: ['erased', 'already_erased', 'held', 'failed', 'locked', 'verified'] },
    help: 'Items of erasures by what became of them. One that fails counts at each attempt; `locked` is one whose keys are destroyed while the blob store may not let go of its bytes',
    alert: '`failed` grows for 15 minutes',
  },
  tacet_erasure_seconds: {
    type: 'histogram',
    labels: { until: ['shredded', 'sealed', 'verified'] },
    help: 'From the start of an erasure to its last destroyed key, to the seal after it, to the proof that nothing is left',
    alert: 'the 95th percentile of `shredded` is above what you have promised',
    buckets: erasureBuckets,
  },
  tacet_seals_total: {
    type: 'counter',
    labels: { outcome: ['made', 'failed'] },
    help: 'Seals of this process',
    alert: '`failed` grows for 5 minutes: what is erased stays open to whoever has an older copy',
  },
  tacet_seal_seconds: {
    type: 'histogram',
    labels: {},
    help: 'How long seals took, those that failed left out',
    buckets: diskBuckets,
  },
  tacet_last_seal_age_seconds: {
    type: 'gauge',
    labels: {},
    help: 'Time since the last committed seal, whoever made it',
    alert: 'above 26 hours: the daily seal does not come',
  },
  tacet_root_keys: {
    type: 'gauge',
    labels: { state: ['open', 'locked'] },
    help: 'Root keys in the vault, the current one among them; `locked` exist only sealed to the recovery key',
  },
  tacet_key_pages_total: {
    type: 'counter',
    labels: { direction: ['read', 'written'] },
    help: 'Pages of the key tree read from the database or written to it; the topmost page is not among them',
  },
  tacet_slots_issued_total: { type: 'counter', labels: {}, help: 'Slots handed out, each to be the key of one thing' },
  tacet_slots_destroyed_total: {
    type: 'counter',
    labels: { reason: destroyers },
    help: 'Slots destroyed, by the kind of their journal entry',
  },
  tacet_journal_pending: {
    type: 'gauge',
    labels: {},
    help: 'Entries of the journal (destructions, holds) that no seal has copied to the vault yet, counted up to 100,000',
  },
  tacet_journal_oldest_pending_seconds: {
    type: 'gauge',
    labels: {},
    help: 'Age of the oldest of these; 0 where there is none',
    alert:
      '**above 60 for 2 minutes: erasures or holds are not sealed**, so a restore would undo them, and what was erased stays open to whoever has an older copy',
  },
  tacet_jobs_due: {
    type: 'gauge',
    labels: {},
    help: 'Jobs that are due and that nobody has claimed, counted up to 100,000',
  },
  tacet_jobs_oldest_due_seconds: {
    type: 'gauge',
    labels: {},
    help: 'For how long the first of these has been due; 0 where there is none',
    alert: 'above 60 for 5 minutes: no worker runs, or too few',
  },
  tacet_jobs_claimed_total: {
    type: 'counter',
    labels: {},
    help: 'Jobs that a worker took; those that a request runs itself are not among them',
  },
  tacet_jobs_finished_total: { type: 'counter', labels: {}, help: 'Jobs finished, by workers and by requests' },
  tacet_jobs_retried_total: {
    type: 'counter',
    labels: { code: errorCodes },
    help: 'Jobs put back to be tried again, by error code. `lease_lost` is a job given back by a process that ends, `item_held` one that waits for the release of a hold',
    alert: 'codes other than `lease_lost` and `item_held` grow for 15 minutes',
  },
  tacet_job_leases_lost_total: {
    type: 'counter',
    labels: {},
    help: 'Jobs that another worker took over while this process still held them to be its own: it stood still',
    alert: 'more than a few an hour',
  },
  tacet_uploads_total: {
    type: 'counter',
    labels: { state: ['begun', 'finished', 'refused', 'abandoned'] },
    help: 'Calls on their way into the archive. `refused`: given up while they came, whatever the reason; `abandoned`: destroyed when their lease had ended',
  },
  tacet_blob_bytes_total: {
    type: 'counter',
    labels: { direction: ['read', 'written'] },
    help: 'Sealed bytes of recordings, whole creates alone',
  },
  tacet_blob_operations_total: {
    type: 'counter',
    labels: { verb: blobVerbs, outcome: ['ok', 'failed', 'cut'] },
    help: 'Operations of the blob store; `cut`: whoever sent or asked for the bytes stopped',
    alert: '`failed` is more than 1 % of all for 5 minutes',
  },
  tacet_blob_operation_seconds: {
    type: 'histogram',
    labels: { verb: ['create', 'open', 'stat', 'erase', 'remaining', 'remove_unfinished'] },
    help: 'How long they took; `read` and `list` go at the pace of their readers and are left out',
    buckets: diskBuckets,
  },
  tacet_blobs_erased_total: {
    type: 'counter',
    labels: { outcome: ['erased', 'absent', 'locked', 'failed'] },
    help: 'Names given to `erase`, by what the store did',
  },
  tacet_doomed_blobs: {
    type: 'gauge',
    labels: {},
    help: 'Blobs whose keys are destroyed and whose bytes nobody has seen gone yet, counted up to 100,000',
    alert: 'grows for a day, unless an object lock holds them',
  },
  tacet_store_transactions_total: {
    type: 'counter',
    labels: { kind: ['write', 'keys', 'keys_fresh', 'snapshot'], outcome: ['committed', 'refused', 'failed'] },
    help: 'Transactions; `refused`: what ran in it called it off, `failed`: the database did. A snapshot that was read to its end is `committed`',
    alert: '`failed` grows for 5 minutes',
  },
  tacet_store_retries_total: {
    type: 'counter',
    labels: { reason: ['commit', ...errorCodes] },
    help: 'Transactions that ran again from the start, by the error that stopped them; `commit`: they had run to their end',
  },
  tacet_store_transaction_seconds: {
    type: 'histogram',
    labels: { kind: ['write', 'keys', 'keys_fresh', 'snapshot'] },
    help: 'From the call to the durable commit: waiting for a turn and for locks, and every retry, included',
    buckets: diskBuckets,
  },
  tacet_vault_looks_total: {
    type: 'counter',
    labels: { outcome: ['there', 'lost'] },
    help: 'Looks whether this process can still read the current root key. While it cannot it serves no reads',
    alert: 'any `lost`',
  },
  tacet_upkeep_rounds_total: {
    type: 'counter',
    labels: { what: upkeepTasks, outcome: ['done', 'failed'] },
    help: 'What a process looks after every 10 seconds without being asked; `expiry` is what ends old root keys',
    alert: '`failed` grows for an hour',
  },
  tacet_collect_failures_total: {
    type: 'counter',
    labels: { collector: ['backlog', 'vault'] },
    help: 'Gauges left out of this page because what they are about did not answer in time',
    alert: 'grows for 5 minutes: the other alerts are blind',
  },
} as const satisfies Readonly<Record<`tacet_${string}`, Metric>>;

type Metrics = typeof metrics;
export type MetricName = keyof Metrics;
type Named<Type extends Metric['type']> = {
  [Name in MetricName]: Metrics[Name]['type'] extends Type ? Name : never;
}[MetricName];
export type CounterName = Named<'counter'>;
export type GaugeName = Named<'gauge'>;
export type HistogramName = Named<'histogram'>;

/** The labels of a metric, each with a value of its list. */
export type LabelsOf<Name extends MetricName> = {
  readonly [Label in keyof Metrics[Name]['labels']]: Metrics[Name]['labels'][Label] extends readonly (infer Value)[]
    ? Value
    : string;
};
