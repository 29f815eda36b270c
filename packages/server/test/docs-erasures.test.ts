/** docs/erasures.md, command by command as a reader would type them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandsOf, DocShell, docPage } from './support/doc-commands.ts';
import { startTacet, type TacetProcess } from './support/tacet-process.ts';

const commands = commandsOf(docPage('erasures.md'));
const bootMsMax = 60_000;
const shell = new DocShell();
let server: TacetProcess;

beforeAll(async () => {
  await shell.run('export TACET_HOME=$PWD/tacet-home TACET_LISTEN=127.0.0.1:0');
  expect((await shell.run('bin/tacet tenant create default --json')).code).toBe(0);
  server = startTacet(['serve'], await shell.settings());
  await server.listening;
}, bootMsMax);

afterAll(async () => {
  server.child.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
  shell.remove();
});

describe('docs/erasures.md', () => {
  test('has commands to type', () => {
    expect(commands.length).toBeGreaterThan(20);
  });

  test.each(commands.map((command) => [command.line, command] as const))(
    'line %i does what it says',
    { timeout: bootMsMax },
    async (_line, { command, exitCode }) => {
      const ran = await shell.run(command);
      expect(ran.code, `${command}\n${ran.output}${ran.errors}`).toBe(exitCode);
      // The page names the default port; this server took a free one.
      if (command.startsWith('SERVER=')) await shell.run(`SERVER=${await server.listening}`);
    },
  );
});
