import type { FastifyRequest } from 'fastify';
import type { Meter } from '../model/meter.ts';
import { httpMethods, type LabelsOf } from '../model/metrics.ts';
import { routeOf } from './failure.ts';
import { firstStep } from './routable-target.ts';
import { twinSteps } from './twin24/plugin.ts';

type Labels = LabelsOf<'tacet_http_requests_total'>;

/** By the first step of a path; at the root everything else that there is belongs to Creovai. */
const surfaces: ReadonlyMap<string, Labels['surface']> = new Map([
  ['v1', 'native'],
  ['share', 'share'],
  ['.well-known', 'other'],
  ['healthz', 'other'],
  ['readyz', 'other'],
  ...twinSteps.map((step) => [step, 'twin24'] as const),
]);

/** Tells of one request that is over: the pattern of its route, never its path. `status` is the answer's. */
export function meterRequest(
  meter: Meter,
  request: FastifyRequest,
  { status, tookMs }: { status: number | 'cut'; tookMs: number },
): void {
  const route = routeOf(request);
  const method = httpMethods.find((one) => one === request.method) ?? 'other';
  const labels = { surface: surfaceOf(request, route), method, route };
  meter.count('tacet_http_requests_total', { ...labels, status: classOf(status) });
  meter.observe('tacet_http_request_seconds', labels, tookMs / 1000);
}

function surfaceOf(request: FastifyRequest, route: string): Labels['surface'] {
  return surfaces.get(firstStep(request.raw.url ?? '')) ?? (route === 'unmatched' ? 'other' : 'creovai');
}

function classOf(status: number | 'cut'): Labels['status'] {
  if (status === 'cut') return 'cut';
  if (status >= 500) return '5xx';
  if (status >= 400) return '4xx';
  return status >= 300 ? '3xx' : '2xx';
}
