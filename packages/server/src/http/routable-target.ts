const beforeFirst = '(?:https?://[^/?#]*)?/+';

/**
 * A raw request target as the router can take it, where `isOurs` finds its path: a path that does not decode, such as
 * `/calls/100%`, the router would refuse before anybody asks who is there, though it names an id like any other. So its
 * percent signs are encoded, but for those of a first step that decodes: that says whose path it is. Every other target
 * comes back as it is.
 */
export function routableTarget(target: string, isOurs: (path: string) => boolean): string {
  const [path = ''] = target.split(/[?#]/, 1);
  if (decoded(path) !== undefined || !isOurs(path)) return target;
  const [first = ''] = new RegExp(`^${beforeFirst}[^/]*`, 'i').exec(path) ?? [];
  const kept = decoded(first) === undefined ? '' : first;
  return kept + path.slice(kept.length).replaceAll('%', '%25') + target.slice(path.length);
}

/**
 * The first step of a request target's path as the router reads it: percent-decoded once and in lower case, or as written
 * where it does not decode; empty where there is none. A target in absolute form (RFC 9112, section 3.2.2) is read like its
 * path.
 *
 * An encoded slash stays within its step, so that no step of two words is taken for one of ours.
 */
export function firstStep(target: string): string {
  const [, step = ''] = new RegExp(`^${beforeFirst}([^/?#]*)`, 'i').exec(target) ?? [];
  return (decoded(step) ?? step).toLowerCase();
}

/** Percent-decoded once (RFC 3986, section 2.1); undefined for what does not decode to UTF-8. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
