import type { ReceiptClaims } from './receipt-claims.ts';

/** What a valid receipt proves and what it does not, a sentence each. */
export type ReceiptWords = { proves: string[]; doesNotProve: string[] };

/** `kid` names the key that has signed it. */
export function receiptWords(claims: ReceiptClaims, kid: string): ReceiptWords {
  return { proves: proves(claims, kid), doesNotProve: doesNotProve(claims) };
}

function proves(claims: ReceiptClaims, kid: string): string[] {
  const { counts, slots, rootKey } = claims;
  const items = `${counts.items} item(s): ${counts.erased} erased, ${counts.already_erased} erased before, ${counts.not_found} not found`;
  const keys =
    rootKey === null
      ? 'No key was left to destroy.'
      : `${slots.count} key(s) were destroyed by ${claims.shreddedAt}, and put beyond the living root key by the seal of generation ${rootKey.generation} at ${claims.sealedAt}.`;
  return [
    `Whoever holds the private half of key ${kid} has signed this, and not a character was changed since.`,
    `It says: erasure ${claims.sub} (${actionWords(claims)}) of tenant ${claims.tenant} in archive ${claims.iss} was completed at ${claims.goneAt}, ${items}.`,
    keys,
    'Every item was looked at again before that: its keys read as destroyed, none of its bytes was left in the blob store, and no identifier found it that the action erases.',
    'With the list of items, anybody can compute itemsSha256 again, and so tell whether this is a receipt for exactly these.',
  ];
}

function actionWords({ action, keepRecording }: ReceiptClaims): string {
  return action === 'depersonalize' && keepRecording ? 'depersonalize, the recordings kept' : action;
}

function doesNotProve(claims: ReceiptClaims): string[] {
  const kept =
    claims.action === 'purge'
      ? []
      : ['What the action keeps is still there (docs/erasures.md); a recording that was kept identifies a voice.'];
  return [
    "That the key is the archive's: get the key set from its operator in a way that you trust. The receipt is the word of the server that signed it, and of whoever ran that server.",
    "Anything of copies that left before: a downloaded file, a delivered webhook, a vendor's own store.",
    `That no backup opens yet: until ${claims.backupsUntil}, and until the server has run once after it so that its old root keys expire, whoever has a backup of the database from before and the vault can open it, and whoever copied the vault in time can for longer.`,
    'That erased numbers in old copies of the database mean nothing yet: their tokens take up to two horizons to die.',
    ...kept,
    'Whose data it was: a receipt names no call, no person and no identifier.',
  ];
}
