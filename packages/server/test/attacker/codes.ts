/** True when an error carries this code. Mutated modules have an error class of their own, so the class is not asked. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
