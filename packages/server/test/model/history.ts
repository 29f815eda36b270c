import { agreement, type Json } from './agreement.ts';
import { type Answered, Archive, type Asked } from './archive.ts';
import { Choosing } from './choosing.ts';
import { explain, type Outcome } from './explain.ts';
import { predictedLook } from './look.ts';
import type { Deed, History, Operation } from './operations.ts';
import type { Spoiling } from './verbs.ts';
import { emptyWorld, type World } from './world.ts';

/** What went wrong, and all that was asked and answered up to there. */
export type Failure = { what: string; told: string[] };

/** How often each kind of answer was met. */
export type Tally = Map<string, number>;

export type Played = { failure: Failure | undefined; tally: Tally };

/** More worlds than this would predict nothing any more. */
const worldsMax = 200;

/** Plays a history on a real archive beside the model. No failure when every answer was one that the model allows. */
export async function failureOf(history: History, spoiling: Spoiling = {}): Promise<Played> {
  const told: string[] = [];
  const tally: Tally = new Map();
  const archive = await Archive.open(history.processes, spoiling);
  try {
    const player = new Player(archive, told, tally);
    for (const operation of history.operations) await player.play(operation);
    await player.end();
    return { failure: undefined, tally };
  } catch (error) {
    return { failure: { what: describe(error), told }, tally };
  } finally {
    await archive.remove();
  }
}

const surpriseName = 'Surprise';

/** Something that no world of the model explains; any other error is told with its stack. */
function surprise(what: string): Error {
  return Object.assign(new Error(what), { name: surpriseName });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'something that is no error was thrown';
  return error.name === surpriseName ? error.message : (error.stack ?? error.message);
}

/** Asks the archive, and strikes off the worlds that do not explain the answers. */
class Player {
  readonly #archive: Archive;
  readonly #told: string[];
  readonly #tally: Tally;
  readonly #choosing = new Choosing();
  #worlds: World[] = [emptyWorld()];

  constructor(archive: Archive, told: string[], tally: Tally) {
    this.#archive = archive;
    this.#told = told;
    this.#tally = tally;
  }

  async play(operation: Operation): Promise<void> {
    switch (operation.op) {
      case 'one':
        return await this.#ask(
          [operation.deed],
          [operation.by],
          async (asked) => await this.#archive.askTogether(asked),
        );
      case 'together':
        await this.#ask(operation.deeds, operation.by, async (asked) => await this.#archive.askTogether(asked));
        return await this.#look();
      case 'during': {
        const { by, deeds, point } = operation;
        await this.#ask(deeds, [by, by], async (asked) => await this.#archive.askDuring(asked, point));
        return await this.#look();
      }
      case 'lapse':
        return this.#lapse(operation.how);
      case 'restart':
        await this.#archive.restart(operation.by);
        this.#forget(operation.by);
        return this.#note('restart', operation.by);
      case 'crash':
        return await this.#crash(operation);
    }
  }

  /** Lets everything come to an end, and looks at what is left as after a death. */
  async end(): Promise<void> {
    this.#lapse('hour');
    for (let round = 0; round < 2; round += 1) {
      for (const did of ['upkeep', 'work'] as const) await this.play({ op: 'one', by: 0, deed: { do: did } });
    }
    await this.#look();
    const damage = await this.#archive.atRest();
    if (damage !== undefined) throw surprise(`at rest: ${damage}`);
  }

  async #ask(
    deeds: readonly Deed[],
    by: readonly number[],
    perform: (asked: readonly Asked[]) => Promise<Answered>,
  ): Promise<void> {
    const asked = deeds.flatMap((deed, i) => this.#choosing.actOf(deed, by[i] ?? 0) ?? []);
    const { answers, order } = await perform(asked);
    const outcomes = asked.map(({ act }, i): Outcome => ({ act, answer: answers[i] }));
    for (const [i, one] of asked.entries()) {
      this.#told.push(`${one.by}: ${JSON.stringify(one.act)} -> ${JSON.stringify(answers[i] ?? 'died')}`);
      const answer = answers[i];
      for (const word of wordsOf(answer)) this.#tally.set(word, (this.#tally.get(word) ?? 0) + 1);
      if (answer !== undefined) this.#choosing.learn(one.act, one.by, answer);
    }
    const { worlds, differences } = explain(this.#worlds, outcomes, order);
    this.#keep(worlds, differences);
    const [complaint] = this.#archive.complaints;
    if (complaint !== undefined) throw surprise(`the product complains: ${complaint}`);
  }

  async #crash({ by, at, deeds }: Extract<Operation, { op: 'crash' }>): Promise<void> {
    const mine = deeds.filter((deed) => deed.do !== 'finish' && deed.do !== 'abort');
    this.#note(`crash at ${at} of`, by);
    const alike = mine.map(() => by);
    await this.#ask(mine, alike, async (asked) => await this.#archive.askDying(asked, by, at));
    this.#forget(by);
    await this.play({ op: 'one', by, deed: { do: 'work' } });
    await this.#look();
  }

  /** Compares everything that can be seen. */
  async #look(): Promise<void> {
    const look = await this.#archive.look();
    const differences: string[] = [];
    const worlds = this.#worlds.flatMap((world) => {
      const met = agreement(predictedLook(world), look, world.ids, 'look');
      if (!met.agrees) differences.push(met.where);
      return met.agrees ? [{ ...world, ids: met.ids }] : [];
    });
    this.#keep(worlds, differences);
  }

  #keep(worlds: World[], differences: readonly string[]): void {
    const different = new Map(worlds.map((world) => [JSON.stringify(world), world]));
    if (different.size === 0) throw surprise([...new Set(differences)].slice(0, 5).join('\n'));
    if (different.size > worldsMax) throw surprise(`${different.size} worlds would explain this`);
    this.#worlds = [...different.values()];
  }

  #lapse(how: 'minute' | 'hour' | 'month'): void {
    this.#archive.lapse(how);
    for (const world of this.#worlds) {
      if (how !== 'minute') world.hour += 1;
      if (how === 'month') world.month += 1;
    }
    this.#note(`lapse of a ${how}`, 0);
  }

  /** The clients of a process that is gone are gone too; the rows of their uploads stay. */
  #forget(by: number): void {
    const left = this.#choosing.forgetProcess(by);
    for (const world of this.#worlds) {
      world.uploads = world.uploads.filter((one) => left.has(one.no));
      world.downloads = world.downloads.filter((one) => left.has(one.no));
    }
    this.#keep(this.#worlds, []);
  }

  #note(what: string, by: number): void {
    this.#told.push(`${by}: ${what}`);
  }
}

/** What an answer says, by the words that it consists of. */
function wordsOf(answer: Json | undefined): string[] {
  if (answer === undefined) return ['died'];
  const text = JSON.stringify(answer);
  const told = [...text.matchAll(/"(?:error|standing|outcome|content)":"(\w+)"/g)].map((match) => match[1] ?? '');
  const names = [...text.matchAll(/"(begun|plays)":/g)].map((match) => match[1] ?? '');
  return [...told, ...names, ...[...text.matchAll(/"(isNew)":(\w+)/g)].map((match) => `${match[1]}:${match[2]}`)];
}
