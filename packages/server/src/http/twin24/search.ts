import type { FastifyInstance } from 'fastify';
import type { Engine } from '../../engine/context.ts';

/** To be written. */
export function addSearch(_app: FastifyInstance, _engine: Engine, _publicUrl: () => string): void {}
