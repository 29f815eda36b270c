import { Bug } from '../../model/errors.ts';

/** Where the rest of a path is a session id, which some clients write as it is. */
const sessionPath = /^(?:https?:\/\/[^/]*)?\/+(?:callCapture\/+v1|capture\/+v2)\/+status\/+[^?#]/i;

/**
 * A raw request target as the router can take it: where a session id in a path does not decode, such as `100%`, the router
 * would refuse what is an id like any other, so its percent signs are encoded. Every other target comes back as it is.
 */
export function routableTarget(target: string): string {
  if (!sessionPath.test(target)) return target;
  const [path = ''] = target.split(/[?#]/, 1);
  return decoded(path) === undefined ? path.replaceAll('%', '%25') + target.slice(path.length) : target;
}

/**
 * What stands in a raw request target after the fixed part of a route: the id at its end, to the last character.
 *
 * `prefix` is the route without its `/*`, in the form `/a/b`. The router has matched it already, in any case and with any
 * number of slashes, so that as many segments as it has are passed over, however they are written. From the slash behind
 * them on, everything belongs to the id: slashes, also doubled ones, and, since some clients do not encode ids, a `?` or
 * `#` and what follows. The id is percent-decoded once (RFC 3986, section 2.1), or taken as it stands where it does not
 * decode to UTF-8. A target in absolute form (RFC 9112, section 3.2.2) is read like its path.
 *
 * Throws Bug for a target that no such route matches.
 */
export function restOfPath(target: string, prefix: string): string {
  const segments = prefix.split('/').length - 1;
  const form = new RegExp(`^(?:https?://[^/]*)?(?:/+[^/?#]+){${segments}}/(.*)$`, 'is');
  const rest = form.exec(target)?.[1];
  if (rest === undefined) throw new Bug(`a request came to ${prefix}/* that does not match it`);
  return decoded(rest) ?? rest;
}

/** Undefined for what does not decode to UTF-8. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
