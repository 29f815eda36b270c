import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attack, type Opened } from '../seized/attack.ts';
import type { Loot, Sealing, TakenFile } from '../seized/loot.ts';
import { rootKeysIn } from '../seized/vault-keys.ts';
import { marks, marksIn } from '../support/marks.ts';
import { OwnPostgres } from '../support/own-postgres.ts';
import { type ScalePlaces, scalePlaces } from '../support/pair.ts';
import { adminQuery } from '../support/postgres.ts';
import { describeWithServers } from '../support/servers.ts';
import { until } from '../support/until.ts';
import {
  CopiedServer,
  dataFolderOf,
  type FileTimes,
  filesChangedSince,
  fileTimes,
  withoutZerosBehind,
  writeOut,
} from './copied-server.ts';
import { type Account, Fleet } from './fleet.ts';
import { everyVersion, lootOfScale, type ObjectVersion } from './seized-scale.ts';
import { archiveCreovai, eraseTwinCampaign, liveTwinCampaign, logInOverBoth, purgeCreovai } from './vendor-life.ts';

/** What a search of everything that was written found, and how much it looked through. */
type Search = { marked: string[]; files: number; versions: number };

describeWithServers('both vendors on two servers and two workers', ({ s3 }) => {
  let folder: string;
  let postgres: OwnPostgres;
  let serverFolder: string;
  let asMade: FileTimes;
  let places: ScalePlaces;
  let fleet: Fleet;
  let copied: CopiedServer | undefined;
  let before: { search: Search; versions: ObjectVersion[] };
  let after: { search: Search; versions: ObjectVersion[] };
  let kept: string[];
  /** Each call or candidate of which something was erased, and the kinds of artifacts that were kept of it. */
  let erased: Map<string, readonly string[]>;
  let living: Loot;
  let old: Loot;

  /** Of a folder in which root keys may come and go. */
  const filesOf = (keyFolder: string): TakenFile[] => filesChangedSince(keyFolder, new Map());
  const vault = () => join(folder, 'home-keys');
  const oldVault = () => join(folder, 'old-keys');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tacet-scale-'));
    postgres = await OwnPostgres.start();
    // What the server says in its own log lies beside its data.
    serverFolder = dirname(await dataFolderOf(postgres));
    asMade = fileTimes(serverFolder);
    places = await scalePlaces({ postgres, s3 });
    fleet = new Fleet({ ...places.env, TACET_HOME: join(folder, 'home'), TACET_BACKUP_HORIZON: '0' });
    await live();
  }, 180_000);

  afterAll(async () => {
    await fleet.kill();
    await copied?.remove();
    await places.remove();
    await postgres.remove();
    await rm(folder, { recursive: true });
  }, 60_000);

  async function live(): Promise<void> {
    await fleet.command(['tenant', 'create', 'marked', '--region', 'US']);
    const scopes = ['--tenant', 'marked', '--scopes', 'all'];
    const account = await fleet.command<Account>(['client', 'create', ...scopes]);
    const login = { email: marks.userEmail, password: marks.password };
    await fleet.command(['user', 'create', ...scopes, '--email', login.email, '--password-stdin'], login.password);
    await fleet.start();
    const pair = await fleet.clients(account);
    await logInOverBoth(pair, login);
    const calls = await archiveCreovai(pair);
    const campaign = await liveTwinCampaign(pair);
    copied = await CopiedServer.of(postgres);
    await cp(vault(), oldVault(), { recursive: true });
    before = await lookEverywhere();
    await purgeCreovai(pair, calls);
    await eraseTwinCampaign(pair, campaign);
    await until(isAllVerified);
    await until(async () => (await rootKeysIn(filesOf(vault()), {})).length === 1);
    after = await lookEverywhere();
    const [bySession = '', byPhone = '', stays = ''] = calls;
    const [whole = '', withAudio = '', audioAlone = '', ofCandidate = ''] = campaign.calls;
    kept = [stays];
    const recording = ['recording', 'recording-facts'];
    erased = new Map<string, readonly string[]>([
      [bySession, []],
      [byPhone, []],
      [whole, ['correlation']],
      [withAudio, ['correlation', ...recording]],
      [audioAlone, ['correlation', 'details', 'transcript']],
      [ofCandidate, ['correlation']],
      [campaign.candidate, ['correlation']],
    ]);
    // Ending makes the seals that are due: what is read from here on and the vault belong together.
    await fleet.stop();
    living = await lootOfScale(databaseUrl(), after.versions);
    const server = await copied.start();
    old = await lootOfScale(onServer(server.url), before.versions);
  }

  function databaseUrl(): string {
    return places.env['TACET_DATABASE_URL'] ?? '';
  }

  /** The archive's database on another server. */
  function onServer(url: string): string {
    const other = new URL(url);
    other.pathname = new URL(databaseUrl()).pathname;
    return other.href;
  }

  async function isAllVerified(): Promise<boolean> {
    const sql = "SELECT count(*) AS open FROM item WHERE state <> 'verified'";
    const running = "SELECT count(*) AS open FROM erasure WHERE state = 'running'";
    const counts = await Promise.all([sql, running].map((one) => adminQuery({ url: databaseUrl() }, one)));
    return counts.flat().every(({ open }) => open === '0');
  }

  /** The server's files and log, every version of every object, the vault, what processes say, and their metrics. */
  async function lookEverywhere(): Promise<{ search: Search; versions: ObjectVersion[] }> {
    await writeOut(postgres);
    const files = [...filesChangedSince(serverFolder, asMade), ...filesOf(vault())];
    const versions = await everyVersion(places.bucket);
    const said = [fleet.said(), ...(await fleet.metricsPages())].map((text) => Buffer.from(text));
    const pieces = [
      ...files,
      ...versions.map(({ key, bytes }) => ({ path: key, bytes: Buffer.concat([Buffer.from(key), bytes]) })),
      ...said.map((bytes, i) => ({ path: `said ${i}`, bytes })),
    ];
    const marked = pieces.flatMap(({ path, bytes }) =>
      marksIn(withoutZerosBehind(bytes)).map((mark) => `${mark} in ${path}`),
    );
    return { search: { marked, files: files.length, versions: versions.length }, versions };
  }

  function isErased({ context: { ownerId, kind } }: Sealing): boolean {
    const left = erased.get(ownerId);
    return left !== undefined && !left.includes(kind);
  }

  async function openedWith(keyFolder: string): Promise<Opened> {
    const keys = await rootKeysIn(filesOf(keyFolder), {});
    return attack({ ...old, pages: [...old.pages, ...living.pages] }, keys, 'entries');
  }

  test('no marked word is in database, write-ahead log, objects, vault, logs or metrics before the purge', () => {
    expect(before.search.marked).toEqual([]);
    expect(before.search.versions).toBeGreaterThanOrEqual(7);
    expect(before.search.files).toBeGreaterThan(50);
  });

  test('nor after it', () => {
    expect(after.search.marked).toEqual([]);
    expect(after.search.files).toBeGreaterThan(50);
  });

  test('no version of an erased recording is left, and those of the others are', () => {
    const left = (versions: readonly ObjectVersion[]) => versions.filter(({ bytes }) => bytes.length > 1000).length;
    expect([left(before.versions), left(after.versions)]).toEqual([7, 2]);
  });

  test('a copy of the whole server from before the purge opens nothing erased with any key that exists now', async () => {
    const { sealings } = await openedWith(vault());
    expect(sealings.filter(isErased)).toEqual([]);
    expect(old.sealings.filter(isErased).length).toBeGreaterThan(15);
    const ofKept = (list: readonly Sealing[]) => list.filter(({ context }) => kept.includes(context.ownerId)).length;
    expect(ofKept(sealings)).toBe(ofKept(old.sealings));
    expect(ofKept(sealings)).toBeGreaterThan(2);
  });

  test('the same copy opens all with the vault of that time, so that it was there to be lost', async () => {
    const { sealings, tops } = await openedWith(oldVault());
    expect(sealings.filter(isErased)).toHaveLength(old.sealings.filter(isErased).length);
    expect(tops.opened).toBe(1);
    const text = Buffer.concat(sealings.map(({ plain }) => plain));
    for (const name of ['firstName', 'metadata', 'appliedEvent', 'turn', 'variable', 'audio']) {
      expect(marksIn(text)).toContain(name);
    }
  });

  test('the search finds a word that was written in clear', async () => {
    await adminQuery(postgres, "SELECT pg_logical_emit_message(false, 'control', $1)", [marks.firstName]);
    await writeOut(postgres);
    const found = filesChangedSince(serverFolder, asMade).filter(({ bytes }) => bytes.includes(marks.firstName));
    expect(found.map(({ path }) => path).filter((path) => path.includes('/pg_wal/'))).toHaveLength(1);
  });
});
