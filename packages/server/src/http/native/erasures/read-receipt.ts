import { makeReceipt } from '../../../engine/receipts/make-receipt.ts';
import { operation } from '../operation.ts';

/** `GET /v1/erasures/{id}/receipt`. */
export const readReceiptOperation = operation({
  id: 'readReceipt',
  method: 'GET',
  path: '/erasures/:id/receipt',
  tag: 'Erasures',
  summary: 'Get the signed receipt of an erasure',
  description:
    'A JWS in compact form (RFC 7515), signed with EdDSA over Ed25519 by a key of `/.well-known/jwks.json`. It names no call ' +
    'and nobody, and says the same however often it is asked for. There is none before every item is verified, and none at ' +
    'all where something was left. `tacet receipt verify` checks it without the archive.',
  scopes: ['erasures:preview', 'erasures:execute'],
  answers: { 200: { description: 'The receipt', content: { media: 'application/jose' } } },
  errors: ['erasure_not_found', 'receipt_not_ready'],
  async handle({ engine, caller, id, reply }) {
    const receipt = Buffer.from(await makeReceipt(engine, caller, id), 'ascii');
    // For good, but only for whoever may ask.
    void reply.type('application/jose').header('cache-control', 'private, no-cache').send(receipt);
    return undefined;
  },
});
