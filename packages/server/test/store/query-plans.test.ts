/** How the database comes to its rows: what requests wait for must not read a table from end to end, or sort it. */
import Database from 'better-sqlite3';
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoreReads, StoreTx } from '../../src/model/store.ts';
import { artifactReads } from '../../src/store/artifacts.ts';
import { auditReads } from '../../src/store/audit.ts';
import { callReads } from '../../src/store/calls.ts';
import { candidateReads, candidateWrites } from '../../src/store/candidates.ts';
import { sqliteDialect } from '../../src/store/dialect.ts';
import { spanWrites } from '../../src/store/erasure-spans.ts';
import { erasureReads } from '../../src/store/erasures.ts';
import { holdReads } from '../../src/store/holds.ts';
import { jobWrites } from '../../src/store/jobs.ts';
import { keptAnswerReads, keptAnswerWrites } from '../../src/store/kept-answers.ts';
import { lateArtifactReads } from '../../src/store/late-artifacts.ts';
import { type Parameter, Session } from '../../src/store/session.ts';
import { openSqliteStore } from '../../src/store/store.ts';
import type { Tables } from '../../src/store/tables.ts';
import { taskReads } from '../../src/store/tasks.ts';
import { tokenReads } from '../../src/store/tokens.ts';
import { tombstoneReads } from '../../src/store/tombstones.ts';
import { userReads } from '../../src/store/users.ts';
import { newHome } from '../support/store-homes.ts';

let home: Awaited<ReturnType<typeof newHome>>;
let database: Database.Database;

beforeAll(async () => {
  home = await newHome();
  const store = await openSqliteStore({ file: home.file });
  await store.migrate();
  await store.close();
  database = new Database(home.file);
});
afterAll(async () => {
  database.close();
  await home.remove();
});

/** The plan of every statement that `ask` runs; none of them is run. A span has a tenant, so that what follows is asked. */
async function planOf(ask: (session: Session) => Promise<unknown>): Promise<string> {
  const steps: string[] = [];
  const explain = (sql: string, parameters: readonly unknown[]) => {
    const rows = database.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters);
    steps.push(...rows.map((row) => row.detail));
  };
  const connection = {
    dialect: sqliteDialect,
    builder: new Kysely<Tables>({
      dialect: {
        createAdapter: () => new SqliteAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (on) => new SqliteIntrospector(on),
        createQueryCompiler: () => new SqliteQueryCompiler(),
      },
      log: ({ query }) => explain(query.sql, query.parameters),
    }),
    async rows(sql: string, parameters: readonly Parameter[]): Promise<unknown[]> {
      explain(sql, parameters);
      return /FROM erasure CROSS JOIN tenant|SELECT number FROM tenant/.test(sql) ? [{ id: 't', number: 1 }] : [];
    },
    async change(sql: string, parameters: readonly Parameter[]): Promise<number> {
      explain(sql, parameters);
      return 0;
    },
  };
  // Statements are all that these nouns ask of a connection.
  await ask(new Session(connection as unknown as ConstructorParameters<typeof Session>[0]));
  return steps.filter((step) => !/json_each|^LIST SUBQUERY|^CREATE BLOOM FILTER/.test(step)).join('\n');
}

const byStart = { by: 'startedAt', isDescending: true } as const;
const asTheyCame = { by: 'createdAt', isDescending: false } as const;
const bounds = { lookedAt: 9, found: 3 };
const span = { erasureId: 'e', fromSeq: 0, toSeq: 9 };

type Ask = (session: Session) => Promise<unknown>;
const calls =
  (ask: (on: StoreReads['calls']) => Promise<unknown>): Ask =>
  (session) =>
    ask(callReads(session));
const tasks =
  (ask: (on: StoreReads['tasks']) => Promise<unknown>): Ask =>
  (session) =>
    ask(taskReads(session));
const spans =
  (ask: (on: ReturnType<typeof spanWrites>) => Promise<unknown>): Ask =>
  (session) =>
    ask(spanWrites(session));
const candidates =
  (ask: (on: StoreReads['candidates']) => Promise<unknown>): Ask =>
  (session) =>
    ask(candidateReads(session));
const audit =
  (ask: (on: StoreReads['audit']) => Promise<unknown>): Ask =>
  (session) =>
    ask(auditReads(session));
const erasures =
  (ask: (on: ReturnType<typeof erasureReads>) => Promise<unknown>): Ask =>
  (session) =>
    ask(erasureReads(session));
const answers =
  (ask: (on: StoreTx['answers']) => Promise<unknown>): Ask =>
  (session) =>
    ask(keptAnswerWrites(session));

describe('no table is read from end to end, and nothing is sorted that an index has in order, to find', () => {
  it.each<[what: string, ask: Ask, uses: string, sorts?: 'a few']>([
    ["a candidate's calls", calls((on) => on.idsOfCandidate('t', 'c')), 'call_candidate (candidate_id=?)'],
    ["many candidates' calls", calls((on) => on.idsOfCandidates('t', ['c'])), 'call_candidate (candidate_id=?)'],
    [
      'calls by task, to be counted',
      calls((on) => on.countsOfTasks('t', ['a'])),
      'COVERING INDEX call_task (task_id=? AND tenant_id=?)',
    ],
    ['calls by start', calls((on) => on.search('t', {}, byStart, bounds)), 'call_started (tenant_id=?)'],
    [
      'calls of a time',
      calls((on) => on.search('t', { from: 1, to: 2 }, byStart, bounds)),
      'call_started (tenant_id=? AND <expr>>? AND <expr><?)',
    ],
    [
      'calls of a bot that began before a time, oldest first',
      calls((on) => on.search('t', { to: 2, botIds: ['b'] }, { ...byStart, isDescending: false }, bounds)),
      'call_started (tenant_id=? AND <expr><?)',
      'a few',
    ],
    ['calls as they came', calls((on) => on.search('t', {}, asTheyCame, bounds)), 'call_created (tenant_id=?)'],
    [
      'calls of a time and a state as they came',
      calls((on) => on.search('t', { from: 1, dialStatuses: ['BUSY'] }, asTheyCame, bounds)),
      'call_created (tenant_id=?)',
      'a few',
    ],
    [
      'calls by id, whatever else is asked of them',
      calls((on) => on.search('t', { ids: ['a'], taskIds: ['b'], candidateIds: ['c'], from: 1 }, byStart, bounds)),
      'PRIMARY KEY (id=?)',
      'a few',
    ],
    [
      "a candidate's calls, in order",
      calls((on) => on.search('t', { candidateIds: ['a'], taskIds: ['b'] }, byStart, bounds)),
      'call_candidate (candidate_id=?)\nSEARCH call USING PRIMARY KEY (id=?)',
      'a few',
    ],
    [
      "a task's calls, in order",
      calls((on) => on.search('t', { taskIds: ['a'], from: 1 }, byStart, bounds)),
      'call_task (task_id=? AND tenant_id=?)\nSEARCH call USING PRIMARY KEY (id=?)',
      'a few',
    ],
    [
      'how much is sealed of calls',
      (session) => artifactReads(session).sealedBytes(['a'], ['details']),
      'artifact_owner (owner_id=?)\nSEARCH metadata_event USING INDEX metadata_event_call (call_id=?)',
    ],
    ['archived calls, to be counted', calls((on) => on.countUpTo('t', 9)), 'COVERING INDEX call_age (tenant_id=?)'],
    [
      'a page of calls',
      calls((on) => on.list('t', { limit: 9, before: { at: 5, id: 'a' }, from: 1, kind: 'chat' })),
      'call_age (tenant_id=? AND <expr>>? AND <expr><?)',
    ],
    [
      "a page of a task's calls",
      calls((on) => on.list('t', { limit: 9, taskId: 'a', before: { at: 5, id: 'a' } })),
      'call_task (task_id=? AND tenant_id=?)',
      'a few',
    ],
    [
      "a page of a candidate's calls",
      calls((on) => on.list('t', { limit: 9, candidateId: 'a', from: 1 })),
      'call_candidate (candidate_id=?)',
      'a few',
    ],
    [
      'calls that a retention reaches',
      calls((on) =>
        on.outlived({
          tenantId: 't',
          kind: 'call',
          before: 5,
          createdAfter: 1,
          now: 9,
          limit: 9,
          after: { at: 1, id: 'a' },
        }),
      ),
      'call_age (tenant_id=? AND <expr>>? AND <expr><?)',
    ],
    [
      'the owners of many tokens',
      (session) => tokenReads(session).ownersOf('t', 'phone', [{ epoch: 1, token: Buffer.alloc(1) }]),
      'PRIMARY KEY (tenant=? AND kind=? AND epoch=? AND token=?)',
    ],
    [
      "the owners of many tombstones' tokens",
      (session) => tombstoneReads(session).ownersOf('t', 'session', [Buffer.alloc(1)]),
      'PRIMARY KEY (tenant=? AND kind=? AND token=?)',
    ],
    [
      'erasures of a tenant',
      erasures((on) => on.list('t', { beforeId: 'a', limit: 9 })),
      'erasure_listed (tenant_id=?',
    ],
    ['plans of a policy', erasures((on) => on.plannedByPolicy('t')), 'erasure_planned (tenant_id=?)'],
    ['a plan by its digest', erasures((on) => on.plannedAs('t', 'd')), 'erasure_planned (tenant_id=? AND digest=?)'],
    ['plans whose time is over', erasures((on) => on.expired(1, 9)), 'erasure_expiring (expires_at', 'a few'],
    ['holds of a tenant', (session) => holdReads(session).list('t', { limit: 9 }), 'hold_listed (tenant_id=?)'],
    [
      'jobs to be hastened',
      (session) => jobWrites(session).hasten('erasure', ['a'], 1),
      'job_unfinished (kind=? AND payload=?)',
      'a few',
    ],
    [
      'audit rows of a time',
      audit((on) => on.search('t', { limit: 9, event: 'e', from: 1, to: 2 })),
      'audit_listed (tenant_id=? AND id>? AND id<?)',
    ],
    [
      'audit rows of a subject',
      audit((on) => on.search('t', { limit: 9, subjectId: 's' })),
      'audit_subject (subject_id=?)',
    ],
    ['a chain of the audit', audit((on) => on.chain(null, 1, 9)), 'audit_chained (<expr>=? AND seq>?)'],
    ['tasks of a tenant', tasks((on) => on.ofTenant('t', { afterId: 'a', limit: 9 })), 'task_tenant (tenant_id=?'],
    [
      'tasks of a tenant in some states',
      tasks((on) => on.ofTenant('t', { statuses: ['READY', 'PROCESS'], afterId: 'a', limit: 9 })),
      'task_tenant (tenant_id=?',
    ],
    [
      "a bot's task of the day",
      tasks((on) => on.findOfDay('t', { botId: 'b', templateId: null, day: 1 })),
      'task_day (tenant_id=? AND bot_id=? AND <expr>=? AND day=?)',
    ],
    ["a task's candidates", candidates((on) => on.ofTask('t', 'task', 'a', 9)), 'candidate_task (task_id=? AND id>?)'],
    [
      'candidates by task, to be counted',
      candidates((on) => on.countsOfTasks('t', ['a'])),
      'candidate_task (task_id=?)',
    ],
    [
      'candidates to be cancelled',
      (session) => candidateWrites(session).cancel(['a'], 1),
      'candidate USING PRIMARY KEY (id=?)',
    ],
    [
      'a user of a tenant by login',
      (session) => userReads(session).find({ tenantId: 't', login: Buffer.alloc(1) }),
      'account_login (login=? AND tenant_id=?)',
    ],
    ['users by login', (session) => userReads(session).withLogin(Buffer.alloc(1)), 'account_login (login=?)', 'a few'],
    ['users of a tenant', (session) => userReads(session).list('t'), 'account_tenant (tenant_id=?)'],
    [
      'a kept answer',
      (session) => keptAnswerReads(session).find('t', Buffer.alloc(1)),
      'PRIMARY KEY (tenant_id=? AND key=?)',
    ],
    ['answers to be dropped', answers((on) => on.dropOld(1, 9)), 'kept_answer_age (created_at<?)'],
    ['answers from the future', answers((on) => on.dropAhead(1, 9)), 'kept_answer_age (created_at>?)'],
    [
      'unfinished candidates',
      candidates((on) => on.unfinished(1, 9)),
      'candidate_adding ((updated_at,id)>(?,?) AND updated_at<?)',
    ],
    ['unfinished tasks', tasks((on) => on.unfinished(1, 9)), 'task_adding ((updated_at,id)>(?,?) AND updated_at<?)'],
    ["a call's answers", answers((on) => on.ofSubject('a')), 'kept_answer_subject (subject_id=?)'],
    ["a call's unfinished answers", answers((on) => on.dropUnfinished('a')), 'kept_answer_subject (subject_id=?)'],
    [
      "calls' late recordings",
      (session) => lateArtifactReads(session).ofCalls(['a']),
      'late_artifact_call (call_id=?)',
      'a few',
    ],
    ['calls and candidates to be marked', spans((on) => on.markSpan(span, { depersonalizedAt: 1 })), '(id=?)'],
    ['artifacts of a span', spans((on) => on.spanArtifacts(span, ['details'])), 'artifact_owner (owner_id=?)', 'a few'],
  ])('%s', async (_, ask, uses, sorts) => {
    const plan = await planOf(ask);
    expect(plan).toContain(uses);
    // What the inner of two statements has looked at is read to its end.
    expect(plan).not.toMatch(/^SCAN (?!looked)/m);
    if (sorts === undefined) expect(plan).not.toContain('TEMP B-TREE');
  });
});
