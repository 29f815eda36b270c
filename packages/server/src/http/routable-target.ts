/**
 * A raw request target as the router can take it, where `isOurs` finds its path: a path that does not decode, such as
 * `/calls/100%`, the router would refuse before anybody asks who is there, though it names an id like any other. So its
 * percent signs are encoded. Every other target comes back as it is.
 */
export function routableTarget(target: string, isOurs: (path: string) => boolean): string {
  const [path = ''] = target.split(/[?#]/, 1);
  if (decoded(path) !== undefined || !isOurs(path)) return target;
  return path.replaceAll('%', '%25') + target.slice(path.length);
}

/**
 * The first step of a request target's path, in lower case, as written; empty where there is none. A target in absolute
 * form (RFC 9112, section 3.2.2) is read like its path.
 */
export function firstStep(target: string): string {
  const [, step = ''] = /^(?:https?:\/\/[^/?#]*)?\/+([^/?#]*)/i.exec(target) ?? [];
  return step.toLowerCase();
}

/** Percent-decoded once (RFC 3986, section 2.1); undefined for what does not decode to UTF-8. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
