/** Campaigns of a platform that dials by itself: Twin24's tasks, and the people put on them. */

/** Twin24's words. A task without candidates is `BLANK`. */
export const taskStatuses = ['BLANK', 'READY', 'PROCESS', 'PAUSED', 'HALTED'] as const;
/** A task is `ADDING`, and shown to nobody, until its settings are sealed. */
export type TaskStatus = (typeof taskStatuses)[number] | 'ADDING';

/** The skeleton of a task; name and settings are sealed in its artifact `task`. Times in ms since the Unix epoch. */
export type Task = {
  id: string;
  tenantId: string;
  status: TaskStatus;
  botId: string | null;
  /** Of a task made by a single call: what it was made from. With `day` and bot it is reused. */
  templateId: string | null;
  /** The day, in UTC, for which a single call made the task, in days since the Unix epoch; null for any other task. */
  day: number | null;
  createdAt: number;
  updatedAt: number;
};

/** A `PENDING` candidate may still be dialled. */
export const candidateStatuses = ['PENDING', 'CANCELLED'] as const;
/** A candidate is `ADDING`, and shown to nobody, until all that its request adds is sealed. */
export type CandidateStatus = (typeof candidateStatuses)[number] | 'ADDING';

/**
 * The skeleton of a person put on a task. Sealed in its artifacts: `details` (numbers, variables), which a
 * depersonalization erases, and `correlation` (the client's own id and data), which it keeps.
 */
export type Candidate = {
  id: string;
  tenantId: string;
  taskId: string;
  status: CandidateStatus;
  botId: string | null;
  createdAt: number;
  updatedAt: number;
  /** When its numbers and variables were erased. Calls of it that come later are refused. */
  depersonalizedAt: number | null;
};
