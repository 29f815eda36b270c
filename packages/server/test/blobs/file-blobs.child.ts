/**
 * A process that works on a blob folder and may be killed in the middle: `create|erase|check ROOT [NAME [POINT]]`.
 *
 * Prints what became of it as JSON, where it lives to tell. Checks are made as an ordinary user, whom permissions bind.
 */
import { FileBlobs } from '../../src/blobs/file-blobs.ts';
import { AppError } from '../../src/model/errors.ts';
import { ordinaryUser } from '../support/blob-child.ts';

const [verb = '', root = '', name = '', fatalPoint] = process.argv.slice(2);

// A write past the limit on file sizes shall fail, not end the process.
process.on('SIGXFSZ', () => {});

const store = new FileBlobs({
  root,
  faults: {
    at: (point) => {
      if (point === fatalPoint) process.kill(process.pid, 'SIGKILL');
    },
  },
});

async function* threeMebibytes(): AsyncGenerator<Uint8Array> {
  for (let chunk = 0; chunk < 48; chunk += 1) yield Buffer.alloc(64 * 1024, chunk);
}

async function run(): Promise<unknown> {
  switch (verb) {
    case 'create':
      return store.create(name, threeMebibytes());
    case 'erase':
      return store.erase([name]);
    case 'check':
      if (process.getuid?.() === 0) process.setuid?.(ordinaryUser()[0]);
      return store.check();
    default:
      throw new Error(`unknown verb ${verb}`);
  }
}

try {
  await run();
  console.log('{}');
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  console.log(JSON.stringify({ code: error.code, detail: error.detail, hasCause: error.cause !== undefined }));
}
