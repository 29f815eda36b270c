/**
 * The items of `source` until `signal` aborts; then fails with the signal's reason at once, even while the source is
 * silent. The source is told to stop, but not waited for: one that hangs would hang us.
 */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  signal.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  let isOver = false;
  try {
    for (;;) {
      const step = await nextUnlessAborted(iterator, signal);
      if (step.done === true) {
        isOver = true;
        return;
      }
      yield step.value;
      signal.throwIfAborted();
    }
  } finally {
    // Its own failure while stopping interests nobody: the reason to stop is already on its way up.
    if (!isOver) iterator.return?.().then(undefined, () => undefined);
  }
}

/** One listener per step. A single promise raced against every step would keep a trace of each until the end. */
function nextUnlessAborted<T>(iterator: AsyncIterator<T>, signal: AbortSignal): Promise<IteratorResult<T>> {
  return new Promise((resolve, reject) => {
    const next = iterator.next();
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    next.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
