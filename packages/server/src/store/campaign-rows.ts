/** Between rows and the model's types, as `rows.ts` does: campaigns, users, and what is on its way to a call. */
import type { Candidate, Task } from '../model/campaign.ts';
import type { LateArtifact } from '../model/store.ts';
import type { KeptAnswer, User } from '../model/tenant.ts';
import { fromJson } from './rows.ts';
import type { Row } from './tables.ts';

export function toLateArtifact(row: Row<'late_artifact'>): LateArtifact {
  return { slot: row.slot, tenantId: row.tenant_id, callId: row.call_id, leaseUntil: row.lease_until };
}

export function toTask(row: Row<'task'>): Task {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    status: row.status,
    botId: row.bot_id,
    templateId: row.template_id,
    day: row.day,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function toCandidate(row: Row<'candidate'>): Candidate {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    taskId: row.task_id,
    status: row.status,
    botId: row.bot_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    depersonalizedAt: row.depersonalized_at,
  };
}

export function toUser(row: Row<'account'>): User {
  return {
    id: row.id,
    number: row.number,
    tenantId: row.tenant_id,
    login: row.login,
    passwordHash: row.password_hash,
    scopes: fromJson(row.scopes),
    version: row.version,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
    lastUsedAt: row.last_used_at,
  };
}

export function toKeptAnswer(row: Row<'kept_answer'>): KeptAnswer {
  return {
    tenantId: row.tenant_id,
    key: row.key,
    subjectId: row.subject_id,
    status: row.status,
    sealed: row.sealed,
    print: row.print,
    createdAt: row.created_at,
  };
}
