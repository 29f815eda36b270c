import type { Candidate, CandidateStatus, Task, TaskStatus } from './campaign.ts';
import type { KeptAnswer, User } from './tenant.ts';
import type { IdentifierKind, TokenQuery } from './token-store.ts';

/** Tasks, candidates, users, and answers kept for an Idempotency-Key. Reads. */
export interface CampaignReads {
  tasks: {
    find(tenantId: string, id: string): Promise<Task | undefined>;
    findMany(tenantId: string, ids: readonly string[]): Promise<Task[]>;
    /** The task that single calls of a bot share on one day. */
    findOfDay(
      tenantId: string,
      of: { botId: string; templateId: string | null; day: number },
    ): Promise<Task | undefined>;
    /** All of a tenant's, by id, ascending, after `afterId`; only those in one of the states when given. */
    ofTenant(
      tenantId: string,
      options: { statuses?: readonly TaskStatus[]; afterId: string; limit: number },
    ): Promise<Task[]>;
    /** Those that are `ADDING` and were last changed before `before`, oldest first; those after `after`. All tenants. */
    unfinished(before: number, limit: number, after?: Pick<Task, 'id' | 'updatedAt'>): Promise<Task[]>;
    /** By id, ascending, after `afterId`. All tenants: for fsck. */
    page(afterId: string, limit: number): Promise<Task[]>;
  };
  candidates: {
    find(tenantId: string, id: string): Promise<Candidate | undefined>;
    findMany(tenantId: string, ids: readonly string[]): Promise<Candidate[]>;
    /** As `findMany`, and never takes the rows. */
    peek(tenantId: string, ids: readonly string[]): Promise<Candidate[]>;
    /** Those of one task by id, ascending, after `afterId`. */
    ofTask(tenantId: string, taskId: string, afterId: string, limit: number): Promise<Candidate[]>;
    /** How many candidates each of the tasks has, those still `ADDING` apart; tasks without any are left out. */
    countsOfTasks(tenantId: string, taskIds: readonly string[]): Promise<Map<string, number>>;
    /** Those of one task in one of the states, by id, ascending: `limit` of them after the first `offset`. */
    list(
      tenantId: string,
      of: { taskId: string; statuses: readonly CandidateStatus[] },
      page: { offset: number; limit: number },
    ): Promise<Candidate[]>;
    count(tenantId: string, of: { taskId: string; statuses: readonly CandidateStatus[] }): Promise<number>;
    /**
     * Candidates of one task, not cancelled unless by being erased, that carry one of the tokens, each beside a token that
     * it carries. In no particular order. Takes their rows in a write transaction.
     */
    carriers(
      tenantId: string,
      taskId: string,
      kind: IdentifierKind,
      tokens: readonly TokenQuery[],
    ): Promise<{ token: TokenQuery; candidateId: string; status: CandidateStatus; isErased: boolean }[]>;
    /** Those that are `ADDING` and were last renewed before `before`, oldest first; those after `after`. All tenants. */
    unfinished(before: number, limit: number, after?: Pick<Candidate, 'id' | 'updatedAt'>): Promise<Candidate[]>;
    /** By id, ascending, after `afterId`. All tenants: for fsck. */
    page(afterId: string, limit: number): Promise<Candidate[]>;
  };
  users: {
    find(by: { id: string } | { number: number } | { tenantId: string; login: Uint8Array }): Promise<User | undefined>;
    /** Whoever has this login, of whatever tenant: by number, ascending, so the oldest first. */
    withLogin(login: Uint8Array): Promise<User[]>;
    /** By number, ascending. */
    list(tenantId: string): Promise<User[]>;
    /** By number, ascending, after `afterNumber`. All tenants: for fsck. */
    page(afterNumber: number, limit: number): Promise<User[]>;
  };
  answers: {
    find(tenantId: string, key: Uint8Array): Promise<KeptAnswer | undefined>;
    /** All that are kept of one call, finished or not, by key, ascending. */
    ofSubject(subjectId: string): Promise<KeptAnswer[]>;
  };
}

/** The same in a write transaction. */
export interface CampaignWrites {
  tasks: CampaignReads['tasks'] & {
    insert(task: Task): Promise<void>;
    update(id: string, change: Partial<Pick<Task, 'status' | 'updatedAt'>>): Promise<void>;
    delete(ids: readonly string[]): Promise<void>;
  };
  candidates: CampaignReads['candidates'] & {
    /** Takes those that are there, by id, ascending, and reads nothing. */
    lock(ids: readonly string[]): Promise<void>;
    insert(candidates: readonly Candidate[]): Promise<void>;
    /** Says of those of the candidates that are `ADDING` that somebody is still at it: until then they are young. */
    renew(ids: readonly string[], at: number): Promise<void>;
    /** Those of the candidates that are `ADDING` become `PENDING`, as if never changed since they came. Returns how many. */
    show(ids: readonly string[]): Promise<number>;
    /** Those of the candidates that are still `PENDING` become `CANCELLED`. Returns how many. */
    cancel(ids: readonly string[], at: number): Promise<number>;
    delete(ids: readonly string[]): Promise<void>;
  };
  users: CampaignReads['users'] & {
    /** Numbers are given in order and never reused. */
    insert(user: Omit<User, 'number'>): Promise<User>;
    update(
      id: string,
      change: Partial<Pick<User, 'login' | 'passwordHash' | 'version' | 'disabledAt' | 'scopes' | 'lastUsedAt'>>,
    ): Promise<void>;
  };
  answers: CampaignReads['answers'] & {
    /** False, and nothing written, where there is one under this key already. */
    insert(answer: KeptAnswer): Promise<boolean>;
    finish(tenantId: string, key: Uint8Array, change: { status: number; sealed: Uint8Array }): Promise<void>;
    /** Puts another sealing in place of a finished one's. */
    setSealed(tenantId: string, key: Uint8Array, sealed: Uint8Array): Promise<void>;
    /** Drops those of a call whose request never came to its answer. */
    dropUnfinished(subjectId: string): Promise<void>;
    /** Drops those made before `before`, oldest first. Returns how many. */
    dropOld(before: number, limit: number): Promise<number>;
    /** Drops those made after `after`, by a clock that was ahead. Returns how many. */
    dropAhead(after: number, limit: number): Promise<number>;
  };
}
