/** The repository's Dockerfile and .dockerignore, as far as this repository uses them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the repository, which is what `docker build` is given. */
export const context = fileURLToPath(new URL('../../../..', import.meta.url));

export type Instruction = { keyword: string; flags: Readonly<Record<string, string>>; text: string };

/** From one FROM to the next. */
export type Stage = { base: string; name: string; instructions: readonly Instruction[] };

/** `COPY`, taken apart: sources, and where they go; a `from` names another stage. */
export type Copy = { from: string | undefined; chown: string | undefined; sources: readonly string[]; to: string };

/** The stages in their order; a stage without a name is called by its number. */
export function readDockerfile(): readonly Stage[] {
  const stages: { base: string; name: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(readFileSync(join(context, 'Dockerfile'), 'utf8'))) {
    if (instruction.keyword === 'FROM') {
      const [base = '', , name = String(stages.length)] = instruction.text.split(/\s+/);
      stages.push({ base, name, instructions: [] });
    } else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

/** One instruction after the other, with the lines that continue it, without comments. */
function instructionsOf(text: string): Instruction[] {
  const lines = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n');
  const joined = lines.replace(/\\\n\s*/g, ' ').split('\n');
  return joined.flatMap((line) => {
    const [, keyword, flags = '', rest] = /^([A-Z]+)\s+((?:--\S+\s+)*)(.*)$/.exec(line.trim()) ?? [];
    if (keyword === undefined || rest === undefined) return [];
    const pairs = flags.trim().split(/\s+/).filter(Boolean);
    return [{ keyword, flags: Object.fromEntries(pairs.map(flagOf)), text: rest.trim() }];
  });
}

function flagOf(flag: string): [string, string] {
  const at = flag.indexOf('=');
  return [flag.slice(2, at), flag.slice(at + 1)];
}

/** The parts of a COPY instruction. */
export function copyOf({ flags, text }: Instruction): Copy {
  const words = text.split(/\s+/);
  return { from: flags['from'], chown: flags['chown'], sources: words.slice(0, -1), to: words.at(-1) ?? '' };
}

/** What ENV sets. */
export function environmentOf({ text }: Instruction): Record<string, string> {
  return Object.fromEntries(text.split(/\s+/).map((pair) => flagOf(`--${pair}`)));
}

/** An instruction whose text is a JSON list of words, such as ENTRYPOINT. */
export function wordsOf(instruction: Instruction | undefined): readonly string[] {
  // The one form that we write; a test compares what comes of it with what the process does.
  return instruction === undefined ? [] : (JSON.parse(instruction.text.replace(/^CMD\s+/, '')) as string[]);
}

/** Every file of a checkout that .dockerignore lets `docker build` see, as a path from the root. */
export function contextFiles(): readonly string[] {
  const isIgnored = readDockerignore();
  // New files that are not committed yet are there as well, as they are for `docker build`.
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: context,
  });
  const paths = [...new Set(listed.toString().split('\0'))].filter((path) => path !== '');
  return paths.filter((path) => !isIgnored(path) && existsSync(join(context, path))).sort();
}

/**
 * Whether .dockerignore keeps a path from the image. The last pattern that matches the path or a folder above it decides, and
 * one that begins with `!` lets it in (https://docs.docker.com/build/concepts/context/#dockerignore-files).
 */
export function readDockerignore(): (path: string) => boolean {
  const lines = readFileSync(join(context, '.dockerignore'), 'utf8').split('\n');
  const rules = lines
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => ({ isLetIn: line.startsWith('!'), pattern: patternOf(line.replace(/^!/, '').trim()) }));
  return (path) => {
    const parts = path.split('/');
    const places = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    const last = rules.findLast(({ pattern }) => places.some((place) => pattern.test(place)));
    return last !== undefined && !last.isLetIn;
  };
}

function patternOf(text: string): RegExp {
  const source = text.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*\*\/|\*\*|\*|\?/g, (wild) => wilds[wild] ?? wild);
  return new RegExp(`^${source}$`);
}

const wilds: Readonly<Record<string, string>> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' };
