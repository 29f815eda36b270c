/** docs/twin24.md, command by command as a reader would type them, and its tables against what really happens. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archiveCall, callInfo } from './support/creovai-forms.ts';
import { commandsOf, DocShell, docPage } from './support/doc-commands.ts';
import { startApp, type TestApp } from './support/harness.ts';
import { startTacet, type TacetProcess } from './support/tacet-process.ts';
import { TwinWire, twinGateways } from './support/twin-wire.ts';
import { twinRoutes } from './support/twin24-routes.ts';

const page = docPage('twin24.md');
const commands = commandsOf(page.replaceAll(/^ {3}/gm, ''));
const bootMsMax = 60_000;

describe('the commands of docs/twin24.md', () => {
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

  test('are a whole campaign', () => {
    expect(commands.length).toBeGreaterThan(20);
    for (const route of ['auth/login', 'telephony/autoCall"', 'batch', 'depersonalization', '/record"']) {
      expect(commands.some(({ command }) => command.includes(route))).toBe(true);
    }
  });

  test.each(commands.map((command) => [command.line, command] as const))(
    'do in line %i what the page says',
    { timeout: bootMsMax },
    async (_line, { command, exitCode }) => {
      const ran = await shell.run(command);
      expect(ran.code, `${command}\n${ran.output}${ran.errors}`).toBe(exitCode);
      // The page names the default port; this server took a free one.
      if (command.startsWith('SERVER=')) await shell.run(`SERVER=${await server.listening}`);
      const named = /^(\w+)=\$\(/.exec(command)?.[1];
      if (named !== undefined) expect(await shell.value(named), command).not.toBe('');
    },
  );
});

/** Rows of the table under a heading: each field that its first cell names, and the cells behind it. */
function fieldsUnder(heading: string): [name: string, cells: string[]][] {
  const [, under = ''] = page.split(heading);
  const [table = ''] = /\|[\s\S]*?\n(?!\|)/.exec(under) ?? [];
  return table
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [first = '', ...cells] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      return [...first.matchAll(/`(\w+)`/g)].map(([, name = '']): [string, string[]] => [name, cells]);
    });
}

/** What a field says afterwards, by what the page says of it. */
function told(cell: string | undefined, before: unknown): unknown {
  return cell === 'kept' ? before : JSON.parse(cell?.replaceAll('`', '') ?? '');
}

describe('the tables of docs/twin24.md', () => {
  let app: TestApp;
  let wire: TwinWire;

  beforeAll(async () => {
    app = await startApp();
    await app.listen();
    wire = await TwinWire.start(app);
  });
  afterAll(async () => await app.close());

  const ofCall = fieldsUnder('## What each method erases');
  const ofCandidate = fieldsUnder('A candidate:');
  const methods: [string, (callId: string) => Promise<number>][] = [
    ['depersonalization', async (callId) => await wire.depersonalize(callId)],
    ['with `skipDeleteRecord: true`', async (callId) => await wire.depersonalize(callId, { skipDeleteRecord: true })],
    ['deletion of the record', async (callId) => await wire.deleteRecord(callId)],
  ];

  async function called() {
    const callbackData = { row: 1 };
    const candidateId = await wire.candidate(await wire.task(), { clientExternalId: 'crm-1', callbackData });
    return { candidateId, callId: await wire.call({ candidateId }) };
  }

  test('have the methods in their columns', () => {
    const header = page.split('\n').find((line) => line.startsWith('| field') && line.includes('depersonalization'));
    const cells = header?.split('|').map((cell) => cell.trim());
    expect(cells?.slice(2, -1)).toEqual(methods.map(([name]) => name));
  });

  test.each(methods.map(([name, erase], column) => [name, erase, column] as const))(
    'say of every field of a call what %s leaves of it',
    async (_name, erase, column) => {
      const { callId } = await called();
      const before = (await wire.row(callId)) ?? {};
      expect(ofCall.map(([name]) => name).sort()).toEqual(Object.keys(before).sort());
      expect(await erase(callId)).toBe(200);
      const after = (await wire.row(callId)) ?? {};
      for (const [name, cells] of ofCall) {
        // Each link is another text, and leads to the same recording.
        if (name === 'recordPath') expect(after[name] !== null, name).toBe(cells[column] === 'kept');
        else expect(after[name], name).toStrictEqual(told(cells[column], before[name]));
      }
    },
  );

  test.each(['its own method', 'a method of one of its calls'])(
    'say of every field of a candidate what %s leaves of it',
    async (method) => {
      const column = method === 'its own method' ? 0 : 1;
      const { candidateId, callId } = await called();
      const before = await wire.readCandidate(candidateId);
      const names = ofCandidate.map(([name]) => name);
      expect([...names, 'updatedAt'].sort()).toEqual(Object.keys(before).sort());
      expect(await (column === 0 ? wire.depersonalizeCandidate(candidateId) : wire.depersonalize(callId))).toBe(200);
      const after = await wire.readCandidate(candidateId);
      for (const [name, cells] of ofCandidate) {
        expect(after[name], name).toStrictEqual(told(cells[column], before[name]));
      }
    },
  );

  test('say by what a call that came in through Creovai\u2019s API is found', async () => {
    const mine = await TwinWire.start(app);
    const contacts = [{ type: 'Customer', phoneNumber: '79261234567' }];
    const id = await archiveCall(app, mine.token, callInfo('S-1', { contacts }));
    const found = async (query: string) => {
      const answer = await mine.get(`${twinGateways.analyse}/search/cis/calls?fields=id&${query}`);
      return (answer.json as { items: { id: string }[] }).items.map((row) => row.id);
    };
    expect(page).toMatch(/^\| calls that came in through Creovai's API +\| are rows too, .* by id or number +\|$/m);
    for (const query of [`id=${id}`, 'phone=79261234567']) expect(await found(query)).toEqual([id]);
    expect(await found('')).toEqual([]);
  });

  test('name every operation that there is', () => {
    const answers = page.slice(page.indexOf('## What answers'), page.indexOf('## What each method erases'));
    const missing = twinRoutes.flatMap(({ service, pattern }) => {
      const path = pattern
        .replace(/:(callId|candidateId|taskId)/, 'ID')
        .replace(':number', 'NUMBER')
        .replace(':link', 'SECRET.mp3');
      // Whole, or by its end where the same cell has the whole of another.
      const ends = [...path.matchAll(/\//g)].map(({ index }) => `\`${path.slice(index)}`);
      const written = [`${twinGateways[service]}${path}`, ...ends];
      return written.some((one) => answers.includes(one)) ? [] : [path];
    });
    expect(missing).toEqual([]);
  });
});
