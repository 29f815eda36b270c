import type { TestApp } from './harness.ts';

/** How many secrets are hashed for comparison while `work` runs: what a login costs, and so what its time tells. */
export async function countedHashes(app: TestApp, work: () => Promise<void>): Promise<number> {
  const { hasher } = app.engine.access;
  let hashed = 0;
  app.engine.access.hasher = new Proxy(hasher, {
    get(target, name) {
      if (name === 'verify' || name === 'dummyVerify') hashed += 1;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  try {
    await work();
  } finally {
    app.engine.access.hasher = hasher;
  }
  return hashed;
}
