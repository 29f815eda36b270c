import type { FastifyInstance } from 'fastify';
import type { Engine } from '../../engine/context.ts';

/** To be written. */
export function addLogin(_app: FastifyInstance, _engine: Engine): void {}
