import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError, Bug } from '../../src/model/errors.ts';
import { Db } from '../../src/store/db.ts';
import type { Session } from '../../src/store/session.ts';
import { newHome } from '../support/store-homes.ts';

let home: Awaited<ReturnType<typeof newHome>>;
let db: Db;
/** Points passed, and errors that the next commits meet. */
let passed: string[];
let commitErrors: Error[];

beforeEach(async () => {
  home = await newHome();
  [passed, commitErrors] = [[], []];
  const at = (point: string) => {
    passed.push(point);
    const error = point === 'store:before-commit' ? commitErrors.shift() : undefined;
    if (error) throw error;
  };
  db = await Db.open({ file: home.file, busyTimeoutMs: 1000, faults: { at } });
  await db.write((session) => session.change('CREATE TABLE mark (name TEXT NOT NULL)', []));
  passed = [];
});

afterEach(async () => {
  await db.close();
  await home.remove();
});

const mark = (session: Session, name: string) => session.change('INSERT INTO mark (name) VALUES (?)', [name]);
const marks = async () => (await db.reads.rows<{ name: string }>('SELECT name FROM mark', [])).map(({ name }) => name);
const commits = () => passed.filter((point) => point === 'store:committed').length;
const told = (outcomes: readonly PromiseSettledResult<unknown>[]) => outcomes.map(({ status }) => status);

describe('writes that wait together', () => {
  it('share one commit', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => db.write((session) => mark(session, name))));
    expect(commits()).toBe(1);
    expect(await marks()).toEqual(['a', 'b', 'c']);
  });

  it('are joined by those that come while they run', async () => {
    let late: Promise<number> | undefined;
    await db.write(async (session) => {
      late = db.write((other) => mark(other, 'late'));
      await mark(session, 'first');
    });
    await late;
    expect(commits()).toBe(1);
    expect(await marks()).toEqual(['first', 'late']);
  });

  it('do not share a commit with one that is to be alone', async () => {
    await Promise.all([
      db.write((session) => mark(session, 'a')),
      db.writeAlone((session) => mark(session, 'alone')),
      db.write((session) => mark(session, 'b')),
      db.writeFresh((session) => mark(session, 'fresh')),
      db.write((session) => mark(session, 'c')),
    ]);
    expect(commits()).toBe(5);
    expect(await marks()).toEqual(['a', 'alone', 'b', 'fresh', 'c']);
  });

  it('are more than one commit when they are too many', async () => {
    await Promise.all(Array.from({ length: 150 }, (_, i) => db.write((session) => mark(session, `${i}`))));
    expect(await marks()).toEqual(Array.from({ length: 150 }, (_, i) => `${i}`));
    expect(commits()).toBeGreaterThanOrEqual(3);
  });

  it('wait for no more than the one that took long', async () => {
    const slow = db.write(async (session) => {
      await mark(session, 'slow');
      const until = performance.now() + 12;
      while (performance.now() < until);
    });
    await Promise.all([slow, db.write((session) => mark(session, 'next'))]);
    expect(commits()).toBe(2);
  });

  it('each get the error when the commit fails, and leave nothing', async () => {
    commitErrors.push(new AppError('internal', { detail: 'SQLITE_IOERR' }));
    const works = ['a', 'b', 'c'].map((name) =>
      db.write(async (session) => {
        await mark(session, name);
        if (name === 'b') throw new Error('work failed');
      }),
    );
    for (const outcome of await Promise.allSettled(works)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { detail: 'SQLITE_IOERR' } });
    }
    expect(await marks()).toEqual([]);
    await db.write((session) => mark(session, 'later'));
    expect(await marks()).toEqual(['later']);
  });

  it('are told nothing before the commit', async () => {
    const order: string[] = [];
    const works = ['a', 'b'].map((name) =>
      db.write(async (session) => {
        await mark(session, name);
        if (name === 'b') throw new Error('work failed');
      }),
    );
    for (const work of works) void work.catch(() => undefined).then(() => order.push(...passed.splice(0), 'told'));
    await Promise.allSettled(works);
    await db.write(async () => undefined);
    expect(order.slice(0, 4)).toEqual(['store:before-commit', 'store:committed', 'told', 'told']);
  });

  it('give up with store_busy when every commit meets a conflict for longer than the timeout', async () => {
    commitErrors.push(...Array.from({ length: 2000 }, () => new AppError('store_busy')));
    const works = ['a', 'b'].map((name) => db.write((session) => mark(session, name)));
    for (const outcome of await Promise.allSettled(works)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_busy' } });
    }
    commitErrors = [];
    expect(await marks()).toEqual([]);
  });

  it('run one that met a conflict of its own again, in its place', async () => {
    let runs = 0;
    const works = ['a', 'b', 'c'].map((name) =>
      db.write(async (session) => {
        await mark(session, name);
        if (name !== 'b') return;
        runs += 1;
        if (runs < 3) throw new AppError('store_busy');
      }),
    );
    await Promise.all(works);
    expect(runs).toBe(3);
    expect(await marks()).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['the first', 0, ['b', 'c'], true],
    ['a later one', 1, ['a', 'c'], true],
    ['the first, which does not notice', 0, ['b', 'c'], false],
    ['a later one, which does not notice', 1, ['a', 'c'], false],
  ])('commit without it when the database ends the transaction under %s', async (_, at, left, notices) => {
    const works = ['a', 'b', 'c'].map((name, i) =>
      db.write(async (session) => {
        await mark(session, name);
        if (i !== at) return;
        // As SQLite does by itself when, say, the disk is full.
        await session.change('ROLLBACK', []);
        if (notices) throw new AppError('internal', { detail: 'SQLITE_FULL' });
      }),
    );
    const outcomes = await Promise.allSettled(works);
    expect(told(outcomes)).toEqual([0, 1, 2].map((i) => (i === at ? 'rejected' : 'fulfilled')));
    expect(await marks()).toEqual(left);
  });

  it('cannot use each other: a session is over with its work', async () => {
    let kept: Session | undefined;
    const first = db.write(async (session) => {
      kept = session;
    });
    const second = db.write(async (session) => {
      await mark(session, 'second');
      if (kept) await mark(kept, 'stray');
    });
    await first;
    await expect(second).rejects.toThrow(Bug);
    expect(await marks()).toEqual([]);
  });
});
