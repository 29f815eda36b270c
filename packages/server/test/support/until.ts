/** Longest that anything is waited for. */
const waitMsMax = 15_000;

/** Resolves as soon as `isSo` answers true, asked again and again; fails when that takes too long. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + waitMsMax;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error('waited for too long');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
