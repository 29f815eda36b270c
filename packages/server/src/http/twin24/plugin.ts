import type { FastifyInstance, FastifyPluginCallback } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { requireBearer } from '../bearer.ts';
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

/** First steps of paths that are this vendor's, services that are not spoken here included: their errors have its form. */
export const twinSteps = ['iam', 'cis', 'analyse', 'api', 'bot', 'notify', 'chat', 'agent'] as const;

export type TwinOptions = {
  /** The base of absolute links, without a slash at its end. */
  publicUrl: () => string;
};

/**
 * Twin24's API: its users, its campaigns, its calls, and their depersonalization.
 *
 * Sealed: its own door, parsers and error form. Success is exactly 200, errors are `{"error"}`, no answer may be cached.
 */
export function twinPlugin(engine: Engine, { publicUrl }: TwinOptions): FastifyPluginCallback {
  return (app, _options, done) => {
    app.setErrorHandler((error, request, reply) => sendTwinError(engine, error, request, reply));
    // Names, numbers, tokens: no answer is for a cache to keep (RFC 9111, section 5.2.2.5).
    app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'));
    addGroup(app, mounts.iam, (open) => {
      parseEveryBody(open);
      addLogin(open, engine);
    });
    // A link carries its own permission.
    addGroup(app, mounts.cis, (open) => addRecordLinks(open, engine));
    addGroup(app, mounts.iam, (guarded) => {
      guard(guarded, engine);
      addUsers(guarded, engine);
    });
    addGroup(app, mounts.cis, (guarded) => {
      guard(guarded, engine);
      addTasks(guarded, engine);
      addCandidates(guarded, engine);
      addErasing(guarded, engine);
    });
    addGroup(app, mounts.analyse, (guarded) => {
      guard(guarded, engine);
      addSearch(guarded, engine, publicUrl);
    });
    done();
  };
}

/** A good token, then a body of JSON or none. */
function guard(guarded: FastifyInstance, engine: Engine): void {
  requireBearer(guarded, engine);
  parseEveryBody(guarded);
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
