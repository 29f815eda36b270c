import { open } from 'node:fs/promises';
import { systemError } from '../lib/durable-files.ts';
import { AppError } from '../model/errors.ts';
import { isInside, truePath } from './placement.ts';

/** The rights of group and others to read and write. */
const readOrWriteOfOthers = 0o066;

/**
 * The master key in a file: 32 bytes, raw or as hex or base64 text; the whole of it, so that a passphrase is never taken
 * for a key by chance. Throws `config_invalid` for anything else, for a file that others may read or write, and for one
 * inside the home: a backup of the home would carry it.
 */
export async function readMasterKey(file: string, home: string): Promise<Buffer> {
  if (isInside(await truePath(file), await truePath(home))) {
    throw refused('lies inside the home, so that a backup of the home would carry it');
  }
  const { bytes, mode } = await read(file);
  if ((mode & readOrWriteOfOthers) !== 0) throw refused('is open to others than its owner; chmod 600 it');
  if (bytes.length === 32) return bytes;
  const text = bytes.toString('latin1').trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return Buffer.from(text, 'base64');
  throw refused('does not hold 32 bytes');
}

/** What the file holds and its rights, of one and the same file. */
async function read(file: string): Promise<{ bytes: Buffer; mode: number }> {
  try {
    const handle = await open(file);
    try {
      return { bytes: await handle.readFile(), mode: (await handle.stat()).mode };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const detail = systemError(error)?.code ?? 'unknown';
    throw new AppError('config_invalid', { message: 'TACET_MASTER_KEY_FILE cannot be read', detail });
  }
}

function refused(why: string): AppError {
  return new AppError('config_invalid', { message: `TACET_MASTER_KEY_FILE ${why}` });
}
