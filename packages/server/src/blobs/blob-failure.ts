import { systemError } from '../lib/durable-files.ts';
import { AppError } from '../model/errors.ts';

/**
 * Runs file work; a system error comes out as `blob_failed` with the call and errno in its detail (`link EEXIST`).
 *
 * It carries no `cause`: Node puts whole paths into messages, and an operator's folder names are not ours to log.
 * Errors that are not the system's pass unchanged.
 */
export async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const failure = systemError(error);
    if (failure === undefined) throw error;
    throw blobFailed(`${what}: ${failure.syscall} ${failure.code}`);
  }
}

/** The store's one failure. The detail holds ids and closed words only. */
export function blobFailed(detail: string): AppError {
  return new AppError('blob_failed', { detail });
}
