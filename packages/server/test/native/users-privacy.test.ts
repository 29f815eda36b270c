/** An administrator whose every word about a user is marked: none of them is to be found in anything that is written. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import { marks } from '../support/marks.ts';
import { OperationClient } from '../support/operation-client.ts';
import { expectFilesUnmarked, expectUnmarked } from '../support/raw-search.ts';

let app: TestApp;
let admin: OperationClient;

beforeAll(async () => {
  app = await startApp({ env: { TACET_BACKUP_HORIZON: '0' }, workers: 0 });
  admin = await OperationClient.within(app);
});
afterAll(async () => await app.close());

test('of what is said of users no word is to be found, the key of the request and what is refused included', async () => {
  const asked = { body: { email: marks.email, scopes: 'all', password: marks.firstName }, key: marks.master };
  const { body } = await admin.ask('createUser', '', asked);
  await admin.ask('createUser', '', asked);
  await admin.outcome('createUser', '', { ...asked, body: { ...asked.body, scopes: marks.badInput } });
  await admin.outcome('createUser', '', { ...asked, key: 'again' });
  await admin.ask('rotateUser', String(body['id']), { body: { password: marks.lastName } });
  await admin.outcome('getUser', encodeURIComponent(marks.email));
  expectFilesUnmarked(app.folder);
  expectUnmarked('log', app.logged.join('\n'));
  await admin.ask('disableUser', String(body['id']));
  expect(await admin.ask('createUser', '', asked)).toMatchObject({ status: 201, body: { email: null } });
  const rows = await app.engine.store.reads.audit.page('', 100_000);
  expectUnmarked('audit', JSON.stringify(rows));
  expectFilesUnmarked(app.folder);
});
