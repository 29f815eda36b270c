import { describe, expect, test } from 'vitest';
import { readConfig, settings } from '../../src/config.ts';
import { tenantLocksMax } from '../../src/store/locks.ts';
import { readCompose, type Service } from './compose.ts';
import { environmentOf, readDockerfile } from './dockerfile.ts';

const variables = { POSTGRES_PASSWORD: 'p4ssword', S3_ACCESS_KEY: 'access', S3_SECRET_KEY: 's3cret' };
const { services, volumes, required } = readCompose(variables);
const image = readDockerfile().at(-1)?.instructions ?? [];
const imageEnv = Object.assign({}, ...image.filter(({ keyword }) => keyword === 'ENV').map(environmentOf));

/** Services that are processes of Tacet's image. */
const ours = Object.entries(services).filter(([, service]) => service.image === 'tacet');
/** Those of them that run `bin/tacet`. */
const tacet = ours.filter(([, service]) => service.entrypoint === undefined);

function service(name: string): Service {
  const found = services[name];
  if (found === undefined) throw new Error(`there is no service ${name}`);
  return found;
}

/** What TACET_ names a process of the image has: the image's own and those of the service. */
function settingsOf({ environment }: Service): Record<string, string> {
  const all: Record<string, string> = { ...imageEnv, ...environment };
  return Object.fromEntries(Object.entries(all).filter(([name]) => name.startsWith('TACET_')));
}

describe('compose.yaml', () => {
  test('is of words and numbers where it should be, and of nothing that YAML took for something else', () => {
    for (const [name, { command = [], entrypoint = [], environment, healthcheck }] of Object.entries(services)) {
      const words = [...command, ...entrypoint, ...Object.values(environment), ...(healthcheck?.test ?? [])];
      expect(words.filter((word) => typeof word !== 'string')).toEqual([]);
      expect(words.length, name).toBeGreaterThan(0);
    }
  });

  test('starts two processes that serve and two that work', () => {
    const processes = tacet.map(([name, { command, deploy }]) => [name, command, deploy?.replicas]);
    expect(processes).toEqual([
      ['serve', ['serve'], 2],
      ['work', ['work'], 2],
      ['migrate', ['migrate'], undefined],
    ]);
  });

  test('names only settings that exist, with values that are one', () => {
    const known = settings.map(({ name }) => String(name));
    for (const [name, one] of ours) {
      expect(
        Object.keys(settingsOf(one)).filter((setting) => !known.includes(setting)),
        name,
      ).toEqual([]);
      const config = readConfig(settingsOf(one));
      expect(config.database.kind).toBe('postgres');
      expect(config.blobsAt.kind).toBe('s3');
      expect(config.listen).toEqual({ host: '0.0.0.0', port: 8484, certificate: null });
    }
  });

  test('gives every process the same archive: one database, one bucket, one vault', () => {
    const archives = tacet.map(([, one]) => {
      const { database, blobsAt, keysDirs } = readConfig(settingsOf(one));
      return { database, blobsAt, keysDirs, volumes: one.volumes };
    });
    const [first] = archives;
    expect(new Set(archives.map((archive) => JSON.stringify(archive))).size).toBe(1);
    expect(first?.volumes).toEqual([`vault:${first?.keysDirs[0]}`]);
    expect(first?.keysDirs).toHaveLength(1);
  });

  test('names databases, stores and credentials as the services beside them do', () => {
    const { database, blobsAt } = readConfig(settingsOf(service('serve')));
    if (database.kind !== 'postgres' || blobsAt.kind !== 's3') throw new Error('neither PostgreSQL nor S3');
    const url = new URL(database.url);
    const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = service(url.hostname).environment;
    expect([url.username, url.password, url.pathname]).toEqual([POSTGRES_USER, POSTGRES_PASSWORD, `/${POSTGRES_DB}`]);
    const endpoint = new URL(blobsAt.endpoint ?? '');
    const store = service(endpoint.hostname).environment;
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = service('serve').environment;
    expect([store['ROOT_ACCESS_KEY_ID'], store['ROOT_SECRET_ACCESS_KEY']]).toEqual([
      AWS_ACCESS_KEY_ID,
      AWS_SECRET_ACCESS_KEY,
    ]);
    expect([`:${endpoint.port}`, blobsAt.region]).toEqual([store['VGW_PORT'], store['VGW_REGION']]);
  });

  test('gives PostgreSQL room for what all processes, and a command beside them, may lock at once', () => {
    const processes = tacet.reduce((sum, [, { deploy }]) => sum + (deploy?.replicas ?? 0), 0);
    const [, perConnection] =
      /\bmax_locks_per_transaction=(\d+)$/.exec(service('database').command?.at(-1) ?? '') ?? [];
    // PostgreSQL's own default for connections, and ours for transactions that run side by side (`open-postgres.ts`).
    const [connections, transactions] = [100, 8];
    const wanted = (processes + 1) * transactions * tenantLocksMax;
    expect(Number(perConnection) * connections).toBeGreaterThan(wanted);
  });

  test('has no secret of its own and refuses to start without one', () => {
    expect(required).toEqual(Object.keys(variables).sort());
    const secrets = Object.values(services).flatMap(({ environment }) =>
      Object.entries(environment).filter(([name]) => /PASSWORD|SECRET|ACCESS_KEY/.test(name)),
    );
    expect(secrets.length).toBeGreaterThan(0);
    expect(secrets.filter(([, value]) => !Object.values(variables).includes(value))).toEqual([]);
  });

  test('begins with the bucket and the database, then migrates, then serves and works', () => {
    expect(service('bucket').depends_on).toEqual({ objects: { condition: 'service_healthy' } });
    expect(service('migrate').depends_on).toEqual({
      database: { condition: 'service_healthy' },
      bucket: { condition: 'service_completed_successfully' },
    });
    const migrated = { migrate: { condition: 'service_completed_successfully' } };
    expect([service('serve').depends_on, service('work').depends_on]).toEqual([migrated, migrated]);
    const waitedFor = ['objects', 'database'].map((name) => service(name).healthcheck?.test?.length);
    expect(waitedFor).not.toContain(undefined);
  });

  test('restarts what runs on and runs once what runs once', () => {
    const once = Object.entries(services).filter(([, { restart }]) => restart === 'no');
    expect(once.map(([name]) => name)).toEqual(['migrate', 'bucket']);
    expect(once.every(([, { healthcheck }]) => healthcheck?.disable === true)).toBe(true);
  });

  test('lets no opened key reach a disk, and lets requests finish', () => {
    for (const [name, { ulimits, mem_limit, memswap_limit, read_only, init, stop_grace_period }] of ours) {
      expect({ name, ulimits, read_only, init }).toEqual({ name, ulimits: { core: 0 }, read_only: true, init: true });
      // Both limits alike leave no swap (https://docs.docker.com/engine/containers/resource_constraints/).
      expect(memswap_limit).toBe(mem_limit);
      expect(mem_limit).toMatch(/^\d+g$/);
      // `serve` ends at the latest 14 s after SIGTERM.
      expect(Number(/^(\d+)s$/.exec(stop_grace_period ?? '')?.[1])).toBeGreaterThan(14);
    }
  });

  test('publishes nothing but the API, on this machine alone, a port for each process', () => {
    const published = Object.entries(services).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(published).toEqual([['serve', '127.0.0.1:8484-8485:8484']]);
  });

  test('mounts only volumes that it declares, and every one of those', () => {
    const mounted = Object.values(services).flatMap(({ volumes: mounts = [] }) =>
      mounts.map((one) => one.split(':')[0]),
    );
    expect([...new Set(mounted)].sort()).toEqual(Object.keys(volumes).sort());
  });

  test('builds the image once and takes it from nowhere else', () => {
    expect(
      Object.entries(services).flatMap(([name, { build }]) => (build === undefined ? [] : [[name, build]])),
    ).toEqual([['migrate', '.']]);
    expect(new Set(ours.map(([, one]) => one.pull_policy))).toEqual(new Set(['never']));
  });
});
