import type { FastifyInstance, FastifyPluginCallback } from 'fastify';
import { authenticate } from '../../engine/access/authenticate.ts';
import type { Engine } from '../../engine/context.ts';
import { requireBearer } from '../bearer.ts';
import type { Door, KnownPaths } from '../known-paths.ts';
import { addCandidates } from './candidates.ts';
import { addErasing } from './erasing.ts';
import { sendTwinError } from './errors.ts';
import { addLogin } from './login.ts';
import { parseEveryBody } from './parameters.ts';
import { addRecordLinks } from './record-links.ts';
import { addSearch } from './search.ts';
import { addTasks } from './tasks.ts';
import { addUsers } from './users.ts';

/** Where each of the vendor's services is mounted: behind its gateway, and at the root of the service's own host. */
const mounts = {
  iam: ['/iam/api/v1', '/api/v1'],
  cis: ['/cis/api/v1', '/api/v1'],
  analyse: ['/analyse/api/v1', '/api/v1'],
} as const;

/** The clocks of clients lag: a token refused while theirs still thinks it good would set the vendor's SDK spinning. */
const graceMs = 60_000;

/** First steps of paths that are this vendor's, services that are not spoken here included: their errors have its form. */
export const twinSteps = ['iam', 'cis', 'analyse', 'api', 'bot', 'notify', 'chat', 'agent'] as const;

export type TwinOptions = {
  /** The base of absolute links, without a slash at its end. */
  publicUrl: () => string;
  /** Learns which methods the paths have. */
  known: KnownPaths;
};

/**
 * Twin24's API: its users, its campaigns, its calls, and their depersonalization.
 *
 * Sealed: its own door, parsers and error form. Success is exactly 200, errors are `{"error"}`, no answer may be cached.
 * Whoever has not the right is told so before a body is read.
 */
export function twinPlugin(engine: Engine, { publicUrl, known }: TwinOptions): FastifyPluginCallback {
  const addOpen = (app: FastifyInstance, prefixes: readonly string[], add: (open: FastifyInstance) => void) =>
    addGroup(app, prefixes, (open) => {
      known.watch(open, { ids: 'numbered' });
      add(open);
    });
  const addGuarded = (app: FastifyInstance, prefixes: readonly string[], add: (guarded: FastifyInstance) => void) =>
    addGroup(app, prefixes, (guarded) => {
      const door: Door = async ({ headers }) => await authenticate(engine, headers.authorization, { graceMs });
      known.watch(guarded, { door, ids: 'numbered' });
      requireBearer(guarded, engine, { graceMs });
      add(guarded);
    });
  return (app, _options, done) => {
    app.setErrorHandler((error, request, reply) => sendTwinError(engine, error, request, reply));
    app.addHook('onRequest', async (request, reply) => {
      // Names, numbers, tokens: no answer is for a cache to keep (RFC 9111, section 5.2.2.5).
      reply.header('cache-control', 'no-store');
      // Nothing here goes by it, and one that is malformed must not cost a client its request.
      request.raw.headers['content-type'] = undefined;
    });
    addOpen(app, mounts.iam, (open) => {
      parseEveryBody(open);
      addLogin(open, engine, publicUrl);
    });
    // A link carries its own permission.
    addOpen(app, mounts.cis, (open) => addRecordLinks(open, engine));
    addGuarded(app, mounts.iam, (users) => {
      parseEveryBody(users);
      addUsers(users, engine);
    });
    addGuarded(app, mounts.cis, (campaigns) => {
      parseEveryBody(campaigns);
      addTasks(campaigns, engine);
      addCandidates(campaigns, engine);
    });
    addGuarded(app, mounts.cis, (erasing) => addErasing(erasing, engine));
    addGuarded(app, mounts.analyse, (search) => {
      parseEveryBody(search);
      addSearch(search, engine, publicUrl);
    });
    done();
  };
}

/** The same routes under each prefix, sealed from those of other groups. */
function addGroup(app: FastifyInstance, prefixes: readonly string[], add: (group: FastifyInstance) => void): void {
  for (const prefix of prefixes) {
    app.register(
      (group, _options, done) => {
        add(group);
        done();
      },
      { prefix },
    );
  }
}
