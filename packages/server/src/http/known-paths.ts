import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../model/errors.ts';

/** Throws for whoever may not hear what is at a path. */
export type Door = (request: FastifyRequest) => Promise<unknown>;

type KnownPath = { form: RegExp; methods: string[]; door: Door | undefined };

/**
 * What in a pattern stands for an id, a number or a file. All of ours have a digit in them, and words have none: an
 * operation of a vendor's that is not served here is not there, rather than an id for which the method is wrong.
 */
const anyId = '(?=[^/]*\\d)[^/]+';

/** The paths of surfaces that tell a wrong method from a wrong address. */
export class KnownPaths {
  readonly #paths: KnownPath[] = [];

  /** Learns every route that `app` gets from now on. `door` is asked before anything is told of them; none if open. */
  watch(app: FastifyInstance, door?: Door): void {
    app.addHook('onRoute', ({ url, method }) => {
      const steps = url.split('/').slice(1);
      const form = steps.map((step) => (step.startsWith(':') ? anyId : step)).join('/+');
      this.#paths.push({ form: new RegExp(`^/+${form}/*$`, 'i'), methods: [method].flat(), door });
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
    const known = this.#paths.filter(({ form }) => form.test(path));
    if (known.length === 0) return;
    for (const { door } of known) await door?.(request);
    const methods = new Set(known.flatMap((one) => one.methods));
    // Otherwise a cache might keep it (RFC 9110, section 15.1).
    reply.header('cache-control', 'no-store').header('allow', [...methods].sort().join(', '));
    throw new AppError('method_not_allowed');
  }
}
