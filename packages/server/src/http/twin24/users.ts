import type { FastifyInstance } from 'fastify';
import type { Engine } from '../../engine/context.ts';

/** To be written. */
export function addUsers(_app: FastifyInstance, _engine: Engine): void {}
