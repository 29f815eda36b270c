/** Roles of those who work for the tenant, or are machines, in lower case. */
const internalRoles: ReadonlySet<string> = new Set(['agent', 'ivr', 'system', 'bot']);

/**
 * True for a participant who counts as the customer, and so gives a call its phones and e-mails: whoever has no role, or one
 * that is not the tenant's own. Case and blanks around it do not matter.
 */
export function isCustomer(role: string | null | undefined): boolean {
  // A to Z only: Unicode folding would let a Kelvin sign stand for a k.
  const word = (role ?? '').replace(/[A-Z]+/g, (letters) => letters.toLowerCase()).trim();
  return !internalRoles.has(word);
}
