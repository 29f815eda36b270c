import { Bug } from '../../model/errors.ts';
import { decoded } from '../routable-target.ts';

/** Where the rest of a path is a session id, which some clients write as it is. */
const sessionPath = /^(?:https?:\/\/[^/]*)?\/+(?:callCapture\/+v1|capture\/+v2)\/+status\/+[^?#]/i;

/** True for a path that ends in a session id, which is an id also where it does not decode. */
export function isSessionPath(path: string): boolean {
  return sessionPath.test(path);
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
