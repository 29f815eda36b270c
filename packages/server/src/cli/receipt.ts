import { Command } from 'commander';
import { receiptWords } from '../engine/receipts/receipt-words.ts';
import { readReceiptKeys, receiptFaults, verifyReceipt } from '../engine/receipts/verify-receipt.ts';
import { AppError } from '../model/errors.ts';
import type { Surroundings } from './command-line.ts';
import { exitCodes, explain } from './exit-codes.ts';
import { readGiven } from './given-file.ts';
import { print } from './with-app.ts';

type Options = { keys: string; json?: boolean };

/**
 * `tacet receipt verify FILE --keys JWKS`: 0 valid, 1 not valid, 2 could not run. Opens no archive and makes none.
 *
 * With `--json` one document: `{ "valid": true, "kid", "claims", "proves": [...], "doesNotProve": [...] }`, or
 * `{ "valid": false, "fault", "meaning" }`.
 */
export function receiptCommands(around: Surroundings): Command {
  const receipt = new Command('receipt').description('Receipts of erasures');
  receipt
    .command('verify')
    .description('Check a receipt offline, and say what it proves and what it does not')
    .argument('<file>', 'the receipt, or - for standard input')
    .requiredOption('--keys <file>', 'the key set of the archive (its /.well-known/jwks.json), as a file')
    .option('--json', 'one JSON document on standard output')
    .action(async (file: string, options: Options) => {
      try {
        around.exitWith(await verify(file, options));
      } catch (error) {
        process.stderr.write(`tacet: ${explain(error)}\n`);
        around.exitWith(exitCodes.unusable);
      }
    });
  return receipt;
}

async function verify(file: string, { keys: keysFile, json }: Options): Promise<number> {
  const keys = readReceiptKeys(await readGiven(keysFile));
  if (keys === undefined) {
    throw new AppError('input_invalid', {
      message: 'The key set is not a JWKS with an Ed25519 key named by its thumbprint',
    });
  }
  // An editor or a shell may have ended the line.
  const receipt = (await readGiven(file)).toString('latin1').trim();
  const verdict = verifyReceipt(receipt, keys);
  if ('fault' in verdict) {
    const { fault } = verdict;
    if (json) print(true, { valid: false, fault, meaning: receiptFaults[fault] });
    else process.stdout.write(`not valid: ${receiptFaults[fault]}\n`);
    return exitCodes.failed;
  }
  const { claims, kid } = verdict;
  const words = receiptWords(claims, kid);
  if (json) print(true, { valid: true, kid, claims, ...words });
  else
    process.stdout.write(
      `valid\n\nIt proves:\n${listed(words.proves)}\nIt does not prove:\n${listed(words.doesNotProve)}`,
    );
  return exitCodes.ok;
}

function listed(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${sentence}\n`).join('');
}
