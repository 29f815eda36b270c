/**
 * What `work` comes to, or the failure that `late` makes where it has not come to anything after so many ms. The work itself
 * goes on, and what becomes of it then interests nobody.
 *
 * The time is counted in two halves, one after the other: a process that stood still has not waited, and what was answered
 * meanwhile gets its turn in the second.
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      timer = setTimeout(() => reject(late()), ms / 2);
    }, ms / 2);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
