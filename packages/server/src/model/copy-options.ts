/** How a copy is watched and ended. */
export type CopyOptions = {
  /** Ends the copy at once, with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Told about once a second. The total is an estimate. */
  onProgress?: ((progress: { doneBytes: number; totalBytes: number }) => void) | undefined;
};
