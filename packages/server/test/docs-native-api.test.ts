/** docs/native-api.md, command by command as a reader would type them, and its tables against the code. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CallBody, CallChangeBody } from '../src/http/native/call-schema.ts';
import { dialStatuses } from '../src/model/call.ts';
import { errorCodes } from '../src/model/errors.ts';
import { commandsOf, DocShell, docPage } from './support/doc-commands.ts';
import { startTacet, type TacetProcess } from './support/tacet-process.ts';

const page = docPage('native-api.md');
const commands = commandsOf(page);
const bootMsMax = 60_000;
const shell = new DocShell();
let server: TacetProcess;

beforeAll(async () => {
  writeFileSync(join(shell.folder, 'recording.wav'), randomBytes(100_000));
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

describe('docs/native-api.md', () => {
  test('has commands to type', () => {
    expect(commands.length).toBeGreaterThan(10);
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

  test('shows the refusal that its last command meets', async () => {
    const [refused] = commands.slice(-1);
    const { output } = await shell.run(refused?.command ?? '');
    const shown = /```json\n([^`]*)```/.exec(page)?.[1] ?? '';
    expect(JSON.parse(output)).toEqual(JSON.parse(shown));
  });

  test('has every field of a call in its table, and no other', () => {
    const told = [...page.matchAll(/^\| ((?:`\w+`(?:, )?)+) +\|.*\| (?:kept|erased)[^|]*\|/gm)];
    const names = told.flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name));
    expect(names.sort()).toEqual(Object.keys(CallBody.properties).sort());
  });

  test('names every field that may come later, and no other', () => {
    const [, told = ''] = /takes the fields ([^.]*?) and answers/.exec(page.replaceAll('\n', ' ')) ?? [];
    const names = [...told.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(names.sort()).toEqual(Object.keys(CallChangeBody.properties).sort());
  });

  test('names every status, and no error code that there is not', () => {
    const [, told = ''] = /^`status` is one of ([\s\S]*?) once it is/m.exec(page) ?? [];
    expect([...told.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual([...dialStatuses]);
    const table = page.slice(page.indexOf('## Errors'));
    const codes = [...table.matchAll(/^\| \d{3} +\| ([^|]*)\|/gm)].flatMap(
      ([, cell = '']) => cell.match(/\w+_\w+/g) ?? [],
    );
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => !(errorCodes as readonly string[]).includes(code))).toEqual([]);
  });
});
