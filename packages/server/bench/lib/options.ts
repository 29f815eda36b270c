import { parseArgs } from 'node:util';
import { hugeCalls, type ScaleSizes } from '../scale/sizes.ts';
import { fullSizes, quickSizes, type Sizes } from './benchmark.ts';

/** What the command line asks for. */
export type RunOptions = {
  only: string | undefined;
  /** What runs when it is not one alone. */
  suite: Suite;
  writeDocs: boolean;
  quick: boolean;
  fromSource: boolean;
  profile: string | undefined;
  /** Where homes are made; the system's folder for temporary files where undefined. */
  folder: string | undefined;
  sizes: Sizes;
};

/** `embedded`: SQLite and files on one machine. `scale`: PostgreSQL and S3. */
export type Suite = 'embedded' | 'scale';

/** Reads the command line. A text instead of options is what is wrong with it. */
export function readOptions(args: readonly string[], names: readonly string[]): RunOptions | string {
  try {
    const { values } = parseArgs({ args: [...args], options: flags, strict: true });
    if (values.only !== undefined && !names.includes(values.only)) return `there is no benchmark ${values.only}`;
    const quick = values.quick === true;
    const isScale = values.scale === true || values.huge === true || values.only?.startsWith('scale') === true;
    const suite: Suite = isScale ? 'scale' : 'embedded';
    if (values['write-docs'] === true && (quick || (values.only !== undefined && process.send === undefined))) {
      return 'docs/benchmarks.md is written from a whole run at full sizes';
    }
    const sizes = quick ? quickSizes : fullSizes;
    return {
      only: values.only,
      suite,
      quick,
      writeDocs: values['write-docs'] === true,
      fromSource: values['from-source'] === true,
      profile: values.profile,
      folder: values.folder,
      sizes: {
        ...sizes,
        slots: count(values.slots, sizes.slots),
        purgeCalls: count(values['purge-calls'], sizes.purgeCalls),
        purgeRecordings: count(values['purge-recordings'], sizes.purgeRecordings),
        purgeRounds: count(values['purge-rounds'], sizes.purgeRounds),
        whatIfCalls: [sizes.whatIfCalls[0], count(values['what-if-calls'], sizes.whatIfCalls[1])],
        statusCalls: count(values['status-calls'], sizes.statusCalls),
        purgeIdCalls: count(values['purge-id-calls'], sizes.purgeIdCalls),
        purgeIdRequests: count(values['purge-id-requests'], sizes.purgeIdRequests),
        planIdentifiers: count(values['plan-identifiers'], sizes.planIdentifiers),
        planCalls: count(values['plan-calls'], sizes.planCalls),
        depersonalizeCalls: count(values['depersonalize-calls'], sizes.depersonalizeCalls),
        candidateCalls: count(values['candidate-calls'], sizes.candidateCalls),
        uploads: count(values.uploads, sizes.uploads),
        longBytes: count(values['long-bytes'], sizes.longBytes),
        scale: scaleSizesOf(values, sizes.scale),
      },
    };
  } catch (error) {
    return error instanceof Error ? error.message : 'the command line could not be read';
  }
}

type ScaleValues = Partial<Record<'scale-calls' | 'customer-calls' | 'memory-seconds', string>> & { huge?: boolean };

function scaleSizesOf(values: ScaleValues, sizes: ScaleSizes): ScaleSizes {
  const [small, large] = sizes.calls;
  return {
    ...sizes,
    calls: [small, count(values['scale-calls'], values.huge === true ? hugeCalls : large)],
    customerCalls: count(values['customer-calls'], sizes.customerCalls),
    memoryMs: values['memory-seconds'] === undefined ? sizes.memoryMs : 1000 * count(values['memory-seconds'], 1),
  };
}

/** What may be said on the command line. */
export function usage(names: readonly string[]): string {
  return `npm run bench -- [--scale] [--only NAME] [--quick] [--write-docs] [--from-source] [--profile DIR] [--folder DIR] [SIZE...]
  --scale       the benchmarks on PostgreSQL and S3 instead: on servers of its own, or those of TACET_BENCH_POSTGRES,
                TACET_BENCH_S3_ENDPOINT, TACET_BENCH_S3_ACCESS_KEY and TACET_BENCH_S3_SECRET_KEY
  --huge        the same among 10,000,000 calls; takes more than the 20 minutes of the others
  NAME          ${names.join(', ')}
  --quick       small sizes: shows that everything runs, and measures nothing
  --write-docs  also writes docs/benchmarks.md
  --from-source serves from the sources instead of the build
  --profile DIR the server leaves CPU profiles there
  --folder DIR  the disk to measure; default: the folder for temporary files
  SIZE          --slots N, --purge-calls N, --purge-recordings N, --purge-rounds N, --what-if-calls N,
                --status-calls N, --purge-id-calls N, --purge-id-requests N, --plan-identifiers N, --plan-calls N,
                --depersonalize-calls N,
                --candidate-calls N, --uploads N, --long-bytes N;
                at scale --scale-calls N, --customer-calls N, --memory-seconds N`;
}

const size = { type: 'string' } as const;
const flags = {
  only: { type: 'string' },
  scale: { type: 'boolean' },
  huge: { type: 'boolean' },
  quick: { type: 'boolean' },
  'write-docs': { type: 'boolean' },
  'from-source': { type: 'boolean' },
  profile: { type: 'string' },
  folder: { type: 'string' },
  slots: size,
  'purge-calls': size,
  'purge-recordings': size,
  'purge-rounds': size,
  'what-if-calls': size,
  'status-calls': size,
  'purge-id-calls': size,
  'purge-id-requests': size,
  'plan-identifiers': size,
  'plan-calls': size,
  'depersonalize-calls': size,
  'candidate-calls': size,
  uploads: size,
  'long-bytes': size,
  'scale-calls': size,
  'customer-calls': size,
  'memory-seconds': size,
} as const;

function count(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new Error('a size is a whole number, 1 or more');
  return Number(text);
}
