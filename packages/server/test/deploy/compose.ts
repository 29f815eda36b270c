/** compose.yaml as Docker Compose reads it: anchors merged, variables filled in. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { context } from './dockerfile.ts';

type Condition = 'service_started' | 'service_healthy' | 'service_completed_successfully';

/** What this repository says of a service, of all that can be said. */
export type Service = {
  image: string;
  pull_policy?: string;
  build?: string;
  command?: readonly string[];
  entrypoint?: readonly string[];
  environment: Readonly<Record<string, string>>;
  volumes?: readonly string[];
  ports?: readonly string[];
  restart: string;
  stop_grace_period?: string;
  init?: boolean;
  read_only?: boolean;
  ulimits?: Readonly<Record<string, number>>;
  mem_limit?: string;
  memswap_limit?: string;
  deploy?: { replicas: number };
  depends_on?: Readonly<Record<string, { condition: Condition }>>;
  healthcheck?: { test?: readonly string[]; disable?: boolean };
};

export type Compose = {
  services: Readonly<Record<string, Service>>;
  volumes: Readonly<Record<string, unknown>>;
  /** Variables that must be set, in order of the alphabet. */
  required: readonly string[];
};

/** Reads it with these variables. A required one that is missing counts as `<NAME>`. */
export function readCompose(variables: Readonly<Record<string, string>>): Compose {
  const required = new Set<string>();
  const text = readFileSync(join(context, 'compose.yaml'), 'utf8');
  // The merge key `<<` is of YAML 1.1, and Compose knows it.
  const written: unknown = parse(text, { merge: true });
  const filled = fillIn(written, (name, isRequired, otherwise) => {
    if (isRequired) required.add(name);
    return variables[name] || (isRequired ? `<${name}>` : otherwise);
  });
  // Of the shape above, as the tests find out.
  return { ...(filled as Pick<Compose, 'services' | 'volumes'>), required: [...required].sort() };
}

type LookUp = (name: string, isRequired: boolean, otherwise: string) => string;

/** `${NAME}`, `${NAME:-otherwise}`, `${NAME:?}`, and `$$` for one `$`, in every string. */
function fillIn(value: unknown, lookUp: LookUp): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})/g, (_, name?: string, sign?: string, rest = '') =>
      name === undefined ? '$' : lookUp(name, sign === '?', sign === '-' ? rest : ''),
    );
  }
  if (Array.isArray(value)) return value.map((item) => fillIn(item, lookUp));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fillIn(item, lookUp)]));
}
