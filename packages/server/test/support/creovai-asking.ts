/** Requests to the routes of the table, good ones and such as differ from a good one in one thing. */
import type { Named } from './creovai-bodies.ts';
import { dataPart, formOf, formType, infoPart } from './creovai-forms.ts';
import type { CreovaiRoute } from './creovai-routes.ts';
import type { TestApp } from './harness.ts';

/** What to send: an address, and the text of the body, or of the part `info` where the route takes forms. */
export type Asked = { address: string; text?: string | Buffer };

export type Answer = { statusCode: number; headers: Record<string, unknown>; body: string };

/** The good request of a route. */
export function goodRequest(route: CreovaiRoute, named: Named): Asked {
  const address = route.address?.(named) ?? route.pattern;
  return route.body === undefined ? { address } : { address, text: JSON.stringify(route.body(named)) };
}

/**
 * The same with one field of its body, given by its dotted path, replaced by a JSON text, or left out. The text may nest
 * deeper than any value that could be made into text.
 */
export function requestWith(route: CreovaiRoute, named: Named, at: string, raw: string | undefined): Asked {
  const body = structuredClone(route.body?.(named) ?? {});
  const steps = at.split('.');
  const last = steps.pop() ?? '';
  const holder = steps.length === 0 ? body : valueAt(body, steps.join('.'));
  const place = 'stands-for-the-text';
  Object.assign(Object(holder), { [last]: raw === undefined ? undefined : place });
  const text = JSON.stringify(body).replace(`"${place}"`, () => raw ?? '');
  return { ...goodRequest(route, named), text };
}

/** What a good body has at a dotted path; undefined where the path leads nowhere. */
export function valueAt(body: unknown, at: string): unknown {
  const steps = at.split('.');
  return steps.reduce<unknown>((holder, step) => new Map(Object.entries(holder ?? {})).get(step), body);
}

/** Sends a request with a token, or without any. */
export async function ask(app: TestApp, route: CreovaiRoute, token: string | undefined, asked: Asked): Promise<Answer> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const { text } = asked;
  const whole = { method: route.method, url: asked.address };
  if (text === undefined) return await app.http.inject({ ...whole, headers: authorization });
  if (!route.isForm) {
    const headers = { ...authorization, 'content-type': 'application/json' };
    return await app.http.inject({ ...whole, headers, payload: text });
  }
  const info = infoPart('');
  const payload = formOf([{ ...info, body: text }, dataPart(undefined, 'audio/mpeg')]);
  return await app.http.inject({ ...whole, headers: { ...authorization, 'content-type': formType }, payload });
}
