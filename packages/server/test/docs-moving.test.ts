/** docs/moving.md, command by command. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { newTarget, type Target } from './move/moves.ts';
import { commandsOf, DocShell, docPage } from './support/doc-commands.ts';
import { describeWithServers } from './support/servers.ts';

const wholeMsMax = 120_000;
const commands = commandsOf(docPage('moving.md'));
const shell = new DocShell();
let target: Target | undefined;

afterAll(async () => {
  shell.remove();
  await target?.remove();
});

async function mustRun(command: string): Promise<string> {
  const { code, output, errors } = await shell.run(command);
  expect(code, `${command}\n${output}${errors}`).toBe(0);
  return output;
}

describeWithServers('docs/moving.md', (servers) => {
  test('moves an archive by its commands, and leaves a home that may go', { timeout: wholeMsMax }, async () => {
    target = await newTarget(servers);
    const { TACET_DATABASE_URL = '', TACET_BLOBS_URL = '' } = target.env;
    const home = join(shell.folder, 'home');
    const names = {
      ...target.credentials,
      TACET_HOME: home,
      NEW_DATABASE: TACET_DATABASE_URL,
      NEW_BLOBS: TACET_BLOBS_URL,
    };
    for (const [name, value] of Object.entries(names)) await mustRun(`export ${name}='${value}'`);
    await mustRun('bin/tacet tenant create acme --region US');
    expect(commands.length).toBeGreaterThan(1);
    for (const { command } of commands) await mustRun(command);
    expect(existsSync(join(home, 'db'))).toBe(false);
    const there = `TACET_DATABASE_URL='${TACET_DATABASE_URL}' TACET_BLOBS_URL='${TACET_BLOBS_URL}'`;
    expect(await mustRun(`${there} bin/tacet fsck --deep`)).toContain('clean');
  });
});
