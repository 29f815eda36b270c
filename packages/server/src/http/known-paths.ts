import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../model/errors.ts';
import { decoded } from './routable-target.ts';

/** Throws for whoever may not hear what is at a path. */
export type Door = (request: FastifyRequest) => Promise<unknown>;

/** What may stand for an id: any step of a path, or only one with a digit in it. */
export type IdForm = 'any' | 'numbered';

type KnownPath = { steps: readonly Step[]; methods: string[]; door: Door | undefined };
type Step = (given: string) => boolean;

/** The paths of surfaces that tell a wrong method from a wrong address. */
export class KnownPaths {
  readonly #paths: KnownPath[] = [];

  /**
   * Learns every route that `app` gets from now on. `door` is asked before anything is told of them; none if open.
   *
   * `ids` is what stands for an id, a number or a file in them. All of ours have a digit, and words have none: where ids are
   * `numbered`, an operation of a vendor's that is not served here is not there, rather than an id for which the method is
   * wrong.
   */
  watch(app: FastifyInstance, { door, ids }: { door?: Door; ids: IdForm }): void {
    app.addHook('onRoute', ({ url, method }) => {
      const steps = stepsOf(url).map((step) => stepLike(step, ids));
      this.#paths.push({ steps, methods: [method].flat(), door });
    });
  }

  /** Refuses a request that no route took: as `refuseMethod`, else with `not_found`. */
  async refuse(request: FastifyRequest, reply: FastifyReply): Promise<never> {
    await this.refuseMethod(request, reply);
    throw new AppError('not_found');
  }

  /**
   * For a request that no route took. Where its path has routes of other methods, throws `method_not_allowed`, its Allow
   * set (RFC 9110, section 15.5.6), or what the door of the path throws; does nothing where there are none.
   */
  async refuseMethod(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const [path = ''] = request.url.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/, 1);
    // As the router reads it: each step decoded, in any case, and slashes repeated.
    const given = stepsOf(path).map((step) => decoded(step) ?? step);
    const known = this.#paths.filter(
      ({ steps }) => steps.length === given.length && steps.every((fits, place) => fits(given[place] ?? '')),
    );
    if (known.length === 0) return;
    for (const { door } of known) await door?.(request);
    const methods = new Set(known.flatMap((one) => one.methods));
    // Otherwise a cache might keep it (RFC 9110, section 15.1).
    reply.header('cache-control', 'no-store').header('allow', [...methods].sort().join(', '));
    throw new AppError('method_not_allowed');
  }
}

function stepsOf(path: string): string[] {
  return path.split('/').filter((step) => step !== '');
}

function stepLike(pattern: string, ids: IdForm): Step {
  if (pattern.startsWith(':')) return ids === 'any' ? () => true : (given) => /\d/.test(given);
  const word = pattern.toLowerCase();
  return (given) => given.toLowerCase() === word;
}
