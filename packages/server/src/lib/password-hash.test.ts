import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hasCode } from '../model/errors.ts';
import { PasswordHasher } from './password-hash.ts';

const cheap = { memoryKib: 64, passes: 1 };

/** Milliseconds of the fastest of several runs: the one least disturbed by the rest of the machine. */
async function bestMs(work: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 8; run++) {
    const start = performance.now();
    await work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

describe('PasswordHasher', () => {
  test('the right secret verifies and every other one does not', async () => {
    const hasher = new PasswordHasher(cheap);
    const phc = await hasher.hash('open sesame');
    expect(await hasher.verify('open sesame', phc)).toBe(true);
    for (const wrong of ['', 'open sesam', 'open sesame ', 'Open sesame', 'open sesame\0']) {
      expect(await hasher.verify(wrong, phc)).toBe(false);
    }
  });

  test('the default cost is argon2id with 19 MiB, two passes, one lane, 16 bytes of salt and 32 of digest', async () => {
    const phc = await new PasswordHasher().hash('secret');
    expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(phc).not.toContain('secret');
  });

  test('hashing one secret twice gives two hashes', async () => {
    const hasher = new PasswordHasher(cheap);
    expect(await hasher.hash('same')).not.toBe(await hasher.hash('same'));
  });

  test('a hash made at an older cost still verifies', async () => {
    const phc = await new PasswordHasher({ memoryKib: 128, passes: 3 }).hash('secret');
    expect(await new PasswordHasher(cheap).verify('secret', phc)).toBe(true);
  });

  test('a hash of the reference implementation verifies', async () => {
    // From the test file of the reference implementation (P-H-C/phc-winner-argon2, src/test.c, version 0x13).
    const phc = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
    expect(await new PasswordHasher(cheap).verify('password', phc)).toBe(true);
    expect(await new PasswordHasher(cheap).verify('passwore', phc)).toBe(false);
  });
});

describe('a malformed hash', () => {
  const salt = 'c29tZXNhbHRzb21lc2FsdA';
  const digest = randomBytes(32).toString('base64').replace('=', '');
  test.each([
    ['empty', ''],
    ['not a hash', '!'],
    ['the secret itself', 'secret'],
    ['another algorithm', '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'],
    ['argon2i', `$argon2i$v=19$m=64,t=1,p=1$${salt}$${digest}`],
    ['no version', `$argon2id$m=64,t=1,p=1$${salt}$${digest}`],
    ['cut off', `$argon2id$v=19$m=64,t=1,p=1$${salt}$`],
    ['no memory', `$argon2id$v=19$m=0,t=1,p=1$${salt}$${digest}`],
    ['no passes', `$argon2id$v=19$m=64,t=0,p=1$${salt}$${digest}`],
    ['no lanes', `$argon2id$v=19$m=64,t=1,p=0$${salt}$${digest}`],
    ['memory beyond the machine', `$argon2id$v=19$m=99999999,t=1,p=1$${salt}$${digest}`],
    ['passes without end', `$argon2id$v=19$m=64,t=999,p=1$${salt}$${digest}`],
    ['bits behind the end', `$argon2id$v=19$m=64,t=1,p=1$${salt}$${digest.slice(0, -1)}/`],
    ['text behind the end', `$argon2id$v=19$m=64,t=1,p=1$${salt}$${digest}\n`],
    ['10 KB of junk', 'A'.repeat(10_240)],
  ])('is false and not an error: %s', async (_name, phc) => {
    expect(await new PasswordHasher(cheap).verify('secret', phc)).toBe(false);
  });
});

describe('dummyVerify', () => {
  test('says no to everything', async () => {
    const hasher = new PasswordHasher(cheap);
    for (const secret of ['', 'secret', 'A'.repeat(10_240)]) expect(await hasher.dummyVerify(secret)).toBe(false);
  });

  test('an unknown client, a malformed hash and a wrong secret take the same time', async () => {
    const hasher = new PasswordHasher({ memoryKib: 8_192, passes: 2 });
    const phc = await hasher.hash('right');
    const wrong = await bestMs(() => hasher.verify('wrong', phc));
    const unknown = await bestMs(() => hasher.dummyVerify('wrong'));
    const malformed = await bestMs(() => hasher.verify('wrong', '!'));
    for (const other of [unknown, malformed]) {
      expect(other / wrong).toBeGreaterThan(0.5);
      expect(other / wrong).toBeLessThan(2);
    }
  });

  test('waits in the same queue, so that a full one does not tell either', async () => {
    const hasher = new PasswordHasher({ ...cheap, concurrency: 1, queueMax: 0 });
    const first = hasher.hash('secret');
    await expect(hasher.dummyVerify('x')).rejects.toSatisfy((error) => hasCode(error, 'slow_down'));
    await expect(hasher.verify('x', '!')).rejects.toSatisfy((error) => hasCode(error, 'slow_down'));
    await first;
  });
});

describe('the queue', () => {
  test('is bounded: one more than it holds is refused with slow_down, and the rest finish', async () => {
    const hasher = new PasswordHasher({ ...cheap, concurrency: 2, queueMax: 3 });
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => hasher.dummyVerify('x')));
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      ...Array<string>(5).fill('fulfilled'),
      ...Array<string>(3).fill('rejected'),
    ]);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(hasCode(outcome.reason, 'slow_down')).toBe(true);
    }
  });

  test('has room again after it was full', async () => {
    const hasher = new PasswordHasher({ ...cheap, concurrency: 1, queueMax: 0 });
    for (let i = 0; i < 3; i++) {
      const running = hasher.dummyVerify('x');
      await expect(hasher.dummyVerify('x')).rejects.toSatisfy((error) => hasCode(error, 'slow_down'));
      expect(await running).toBe(false);
    }
  });

  test('runs one at a time, first come first served, when the concurrency is one', async () => {
    const dear = await new PasswordHasher({ memoryKib: 16_384, passes: 4 }).hash('x');
    const little = await new PasswordHasher(cheap).hash('x');
    const hasher = new PasswordHasher({ ...cheap, concurrency: 1 });
    const order: string[] = [];
    await Promise.all([
      hasher.verify('x', dear).then(() => order.push('dear')),
      hasher.verify('x', little).then(() => order.push('little')),
      hasher.verify('y', little).then(() => order.push('wrong')),
    ]);
    expect(order).toEqual(['dear', 'little', 'wrong']);
  });

  test('hands a free place to the first in line, not to whoever comes next', async () => {
    const dear = await new PasswordHasher({ memoryKib: 16_384, passes: 4 }).hash('x');
    const hasher = new PasswordHasher({ ...cheap, concurrency: 1, queueMax: 1 });
    const first = hasher.dummyVerify('x');
    const second = hasher.verify('x', dear);
    await first;
    const third = hasher.dummyVerify('x');
    await expect(hasher.dummyVerify('x')).rejects.toSatisfy((error) => hasCode(error, 'slow_down'));
    expect(await Promise.all([second, third])).toEqual([true, false]);
  });

  test('lets a cheap check overtake a dear one when the concurrency is two', async () => {
    const dear = await new PasswordHasher({ memoryKib: 65_536, passes: 8 }).hash('x');
    const hasher = new PasswordHasher({ ...cheap, concurrency: 2 });
    const order: string[] = [];
    await Promise.all([
      hasher.verify('x', dear).then(() => order.push('dear')),
      hasher.dummyVerify('x').then(() => order.push('cheap')),
    ]);
    expect(order).toEqual(['cheap', 'dear']);
  });

  test('leaves the main thread free while it hashes', async () => {
    const running = new PasswordHasher().hash('x').then(() => 'hashed');
    let turns = 0;
    while ((await Promise.race([running, new Promise((resolve) => setImmediate(resolve, 'turn'))])) === 'turn') turns++;
    expect(turns).toBeGreaterThan(2);
  });
});

test.each([{ concurrency: 0 }, { concurrency: 1.5 }, { queueMax: -1 }, { memoryKib: 7 }, { passes: 0 }])(
  'a cost or bound that makes no sense is a defect: %o',
  (options) => {
    expect(() => new PasswordHasher(options)).toThrow(/must be a whole number/);
  },
);
