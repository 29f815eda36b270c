/** Users and what they were issued, through a copy of the database and a restore. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { databaseFile } from '../../src/app-places.ts';
import { authenticate } from '../../src/engine/access/authenticate.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { logIn, refreshTokens, type UserTokens } from '../../src/engine/access/user-tokens.ts';
import { createUser, disableUser, rotateUser } from '../../src/engine/access/users.ts';
import { Stage, type Work } from './stage.ts';

const lifeSeconds = 3_600;
const [ann, eve] = ['ann@example.org', 'eve@example.org'];

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const make = async ({ engine, caller }: Work, email: string) =>
  await createUser(engine, caller.tenant, { email, scopes: ['calls:read'], actor: operator, password: `of ${email}` });

const enter = async ({ engine }: Work, email: string, password = `of ${email}`) =>
  await logIn(engine, { email, password, company: null, address: '127.0.0.1', lifeSeconds });

/** Who each of the tokens speaks for; the code of the refusal where it speaks for nobody. */
async function speaksFor({ engine }: Work, { token, refreshToken }: UserTokens): Promise<unknown[]> {
  const codeOf = (error: Error & { code?: string }) => error.code;
  const whoIs = async (one: string) => (await authenticate(engine, `Bearer ${one}`)).actor.id;
  return [
    await whoIs(token).catch(codeOf),
    await refreshTokens(engine, { refreshToken, lifeSeconds }).then(async (next) => await whoIs(next.token), codeOf),
  ];
}

const nobody = ['token_invalid', 'token_invalid'];

describe('after a restore', () => {
  test('what a user made since the copy was issued opens nothing, also when another has the same number', async () => {
    const first = await stage.process(async (at) => (await make(at, ann)).user);
    const copy = stage.copy();
    const lost = await stage.process(async (at) => {
      const { user } = await make(at, eve);
      await at.engine.rootKeys.seal();
      return { user, tokens: await enter(at, eve) };
    });
    await stage.restoreFrom(copy);
    await stage.process(async (at) => {
      const { user } = await make(at, 'joe@example.org');
      expect(user.number).toBe(lost.user.number);
      expect(user.version).toBe(lost.user.version);
      expect(await speaksFor(at, lost.tokens)).toEqual(nobody);
      expect(await speaksFor(at, await enter(at, ann))).toEqual([first.id, first.id]);
    });
  });

  test('what was issued under a password of the time that was lost stays dead, however often another one is set', async () => {
    const { user, kept } = await stage.process(async (at) => ({
      ...(await make(at, ann)),
      kept: await enter(at, ann),
    }));
    const copy = stage.copy();
    const lost = await stage.process(async (at) => {
      await rotateUser(at.engine, { email: ann, actor: operator, password: 'stolen' });
      await at.engine.rootKeys.seal();
      return await enter(at, ann, 'stolen');
    });
    await stage.restoreFrom(copy);
    await stage.process(async (at) => {
      // The copy has the user as it was: so the first password opens again, and what was issued under it.
      expect(await speaksFor(at, kept)).toEqual([user.id, user.id]);
      for (let times = 1; times <= 3; times += 1) {
        expect(await speaksFor(at, lost)).toEqual(nobody);
        await rotateUser(at.engine, { email: ann, actor: operator, password: 'stolen' });
      }
      expect(await speaksFor(at, lost)).toEqual(nobody);
      expect(await speaksFor(at, kept)).toEqual(nobody);
    });
  });

  test('a user disabled since the copy is disabled again, whose e-mail is erased and free for another', async () => {
    const { user, tokens, slot } = await stage.process(async (at) => {
      const made = await make(at, ann);
      const [place] = await at.engine.store.reads.artifacts.ofOwner(made.user.id);
      return { ...made, tokens: await enter(at, ann), slot: place?.slot ?? -1 };
    });
    const copy = stage.copy();
    await stage.process(async ({ engine }) => await disableUser(engine, { email: ann, actor: operator }));
    expect(await stage.restoreFrom(copy)).toMatchObject({ usersDisabled: [user.id], artifactsLost: [], items: [] });
    expect(holding(user.login)).toEqual([]);
    await stage.process(async (at) => {
      const { reads } = at.engine.store;
      const row = await reads.users.find({ id: user.id });
      expect(row).toMatchObject({ number: user.number, passwordHash: '', disabledAt: expect.any(Number) });
      expect(await reads.artifacts.ofOwner(user.id)).toEqual([]);
      expect(await at.engine.tree.open(slot)).toMatchObject({ kind: 'destroyed' });
      expect(await speaksFor(at, tokens)).toEqual(nobody);
      await expect(enter(at, ann)).rejects.toMatchObject({ code: 'credentials_invalid' });
      const { user: next } = await make(at, ann);
      expect(await speaksFor(at, await enter(at, ann))).toEqual([next.id, next.id]);
    });
  });

  test('a user made and disabled since the copy is not there, and not reported', async () => {
    await stage.process(async (at) => await make(at, ann));
    const copy = stage.copy();
    await stage.process(async (at) => {
      await make(at, eve);
      await disableUser(at.engine, { email: eve, actor: operator });
    });
    expect(await stage.restoreFrom(copy)).toMatchObject({ usersDisabled: [] });
    await stage.process(async ({ engine }) => expect(await engine.store.reads.users.page(0, 9)).toHaveLength(1));
  });
});

test('nothing of an e-mail or a password is in the database once its user is disabled', async () => {
  const user = await stage.process(async (at) => {
    const { id } = (await make(at, ann)).user;
    return await at.engine.store.reads.users.find({ id });
  });
  const digest = Buffer.from(user?.passwordHash ?? '-');
  expect([holding(user?.login ?? digest), holding(digest)]).toEqual([[expect.anything()], [expect.anything()]]);
  await stage.process(async ({ engine }) => await disableUser(engine, { email: ann, actor: operator }));
  expect([holding(user?.login ?? digest), holding(digest)]).toEqual([[], []]);
});

/** Files of the database in which the bytes stand. */
function holding(bytes: Uint8Array): string[] {
  const folder = dirname(databaseFile(stage.config.home));
  return readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(Buffer.from(bytes)));
}
