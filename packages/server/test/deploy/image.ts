/** What `docker build` makes of the Dockerfile, made without Docker: each stage is a folder, and its steps run in it. */
import { execFile } from 'node:child_process';
import { chmod, chown, cp, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  contextFiles,
  context as contextFolder,
  copyOf,
  environmentOf,
  type Instruction,
  readDockerfile,
  wordsOf,
} from './dockerfile.ts';

const run = promisify(execFile);

/** The last stage: its root folder, and what a container of it starts with. */
export type Image = {
  root: string;
  workdir: string;
  env: Readonly<Record<string, string>>;
  user: { uid: number; gid: number };
  /** Entry point and default command. */
  words: readonly string[];
  healthcheck: readonly string[];
};

type Built = { root: string; workdir: string; env: Record<string, string>; last: Map<string, Instruction> };

/** The commands that a step may be: a test must not let others loose on the machine. Nor may they name a place outside. */
const harmless = /^(?:npm (?:ci|run|prune)|mkdir)(?: (?!\/|\S*\.\.|~)[^\s;&|`$()<>]+)*$/;

/** Runs the Dockerfile's steps below `folder`, which is empty. As root, what is to be a user's becomes that user's. */
export async function buildImage(folder: string): Promise<Image> {
  const files = contextFiles();
  const env = await buildEnvironment(folder);
  const stages = new Map<string, Built>();
  for (const { name, instructions } of readDockerfile()) {
    const built: Built = { root: join(folder, name), workdir: '/', env: {}, last: new Map() };
    stages.set(name, built);
    for (const instruction of instructions) {
      built.last.set(instruction.keyword, instruction);
      if (instruction.keyword === 'WORKDIR') built.workdir = instruction.text;
      if (instruction.keyword === 'ENV') Object.assign(built.env, environmentOf(instruction));
      if (instruction.keyword === 'COPY') await copy(built, instruction, { files, stages });
      if (instruction.keyword === 'RUN') await runStep(built, instruction.text, env);
    }
  }
  const last = [...stages.values()].at(-1);
  if (last === undefined) throw new Error('the Dockerfile has no stage');
  return imageOf(last);
}

function imageOf({ root, workdir, env, last }: Built): Image {
  const [uid = 0, gid = 0] = (last.get('USER')?.text ?? '0:0').split(':').map(Number);
  const words = [...wordsOf(last.get('ENTRYPOINT')), ...wordsOf(last.get('CMD'))];
  return { root, workdir, env, user: { uid, gid }, words, healthcheck: wordsOf(last.get('HEALTHCHECK')) };
}

async function runStep({ root, workdir }: Built, text: string, env: Record<string, string>): Promise<void> {
  if (!text.split(' && ').every((command) => harmless.test(command))) {
    throw new Error(`no step that a test may run on this machine: ${text}`);
  }
  await mkdir(join(root, workdir), { recursive: true });
  const step = run('sh', ['-c', text], { cwd: join(root, workdir), env, maxBuffer: 2 ** 26 });
  await step.catch((error: { stdout?: string; stderr?: string }) => {
    throw new Error(`failed: ${text}\n${error.stdout}\n${error.stderr}`, { cause: error });
  });
}

type Sources = { files: readonly string[]; stages: ReadonlyMap<string, Built> };

async function copy(built: Built, instruction: Instruction, { files, stages }: Sources): Promise<void> {
  const { from, chown: owner, sources, to } = copyOf(instruction);
  const target = join(built.root, to.startsWith('/') ? to : join(built.workdir, to));
  const origin = from === undefined ? undefined : stages.get(from);
  if (from !== undefined && origin === undefined) throw new Error(`there is no stage ${from}`);
  for (const source of sources) {
    const isFolder = to.endsWith('/') || sources.length > 1;
    if (origin === undefined) await copyFromContext(files, source, { target, isFolder });
    else await copyPath(join(origin.root, source), { target, isFolder });
  }
  if (owner !== undefined && process.getuid?.() === 0) await give(target, owner);
}

/** Where a source goes: into the target if that is said to be a folder, else it becomes the target. */
type Target = { target: string; isFolder: boolean };

async function copyFromContext(files: readonly string[], source: string, { target, isFolder }: Target): Promise<void> {
  const below = files.filter((file) => file.startsWith(`${source}/`));
  for (const file of below) await copyPath(join(contextFolder, file), placeOf(file.slice(source.length + 1), target));
  if (below.length > 0) return;
  if (!files.includes(source)) throw new Error(`${source} is not in what docker build is given`);
  await copyPath(join(contextFolder, source), { target, isFolder });
}

function placeOf(path: string, folder: string): Target {
  return { target: join(folder, path), isFolder: false };
}

/** A file, or what is in a folder, with modes and links as they are. */
async function copyPath(source: string, { target, isFolder }: Target): Promise<void> {
  const { isDirectory } = await stat(source).then((found) => ({ isDirectory: found.isDirectory() }));
  const place = isFolder && !isDirectory ? join(target, source.slice(dirname(source).length + 1)) : target;
  await mkdir(dirname(place), { recursive: true });
  await cp(source, place, { recursive: true, verbatimSymlinks: true });
  // What cp makes anew it makes with the mode of the process.
  await chmod(place, (await stat(source)).mode);
}

async function give(path: string, owner: string): Promise<void> {
  const [uid = 0, gid = 0] = owner.split(':').map(Number);
  const below = await readdir(path, { recursive: true });
  for (const one of [path, ...below.map((name) => join(path, name))]) await chown(one, uid, gid);
}

/** Names of our own environment that npm needs to find its registry; nothing of what ran this test. */
const passedOn =
  /^(?:HOME|TMPDIR|LANG|(?:https?|no)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(?:FILE|DIR)|npm_config_(?:registry|cache|userconfig|nodedir))$/i;

async function buildEnvironment(folder: string): Promise<Record<string, string>> {
  const kept = Object.entries(process.env).flatMap(([name, value]): [string, string][] =>
    value !== undefined && passedOn.test(name) ? [[name, value]] : [],
  );
  const path = (process.env['PATH'] ?? '').split(':').filter((place) => !place.includes('node_modules'));
  return { ...Object.fromEntries(kept), PATH: path.join(':'), ...(await prebuilt(join(folder, 'prebuilt'))) };
}

/**
 * better-sqlite3's own binary, offered to npm in the form in which it would fetch one, so that the test neither waits a minute
 * for a compiler nor needs more network than the registry (prebuild-install's README, "Local prebuilds").
 */
async function prebuilt(folder: string): Promise<Record<string, string>> {
  const module = join(contextFolder, 'node_modules/better-sqlite3');
  const { version } = JSON.parse(await readFile(join(module, 'package.json'), 'utf8')) as { version: string };
  const { modules } = process.versions;
  const name = `better-sqlite3-v${version}-node-v${modules}-${process.platform}-${process.arch}.tar.gz`;
  await mkdir(folder, { recursive: true });
  await run('tar', ['-C', module, '-czf', join(folder, name), 'build/Release/better_sqlite3.node']);
  return { npm_config_better_sqlite3_local_prebuilds: folder };
}
