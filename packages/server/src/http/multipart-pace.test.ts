import { describe, expect, test } from 'vitest';
import { collect, formData, latin1, readAll } from '../../test/support/form-reading.ts';
import { AppError, Bug, hasCode } from '../model/errors.ts';
import { readMultipart } from './multipart.ts';

describe('the consumer sets the pace', () => {
  const head = (name: string) => `--b\r\nContent-Disposition: form-data; name=${name}\r\n\r\n`;
  const big = Buffer.alloc(64 * 1024, 0x2d);

  /** Gives out `chunks` and counts how many were asked for and whether it was closed. */
  function source(chunks: readonly Uint8Array[]) {
    const state = { asked: 0, isClosed: false };
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const value = chunks[state.asked];
          state.asked += 1;
          return value === undefined ? { done: true, value: undefined } : { done: false, value };
        },
        return: async () => {
          state.isClosed = true;
          return { done: true, value: undefined };
        },
      }),
    };
    return { state, body };
  }

  test('no chunk is asked for before its bytes are', async () => {
    const { state, body } = source([latin1(head('a')), big, big, big, latin1('\r\n--b--')]);
    const parts = readMultipart(body, formData('b'));
    expect(state.asked).toBe(0);
    const { value: part } = await parts.next();
    expect(state.asked).toBe(1);
    const bytes = part?.body[Symbol.asyncIterator]();
    for (const asked of [2, 3, 4]) {
      await bytes?.next();
      expect(state.asked).toBe(asked);
    }
  });

  test('large chunks are passed on, not copied', async () => {
    const { body } = source([latin1(head('a')), big, big, latin1('\r\n--b--')]);
    const buffers = new Set<ArrayBufferLike>();
    for await (const part of readMultipart(body, formData('b'))) {
      for await (const chunk of part.body) {
        buffers.add(chunk.buffer);
      }
    }
    expect(buffers).toContain(big.buffer);
  });

  test('what is left unread of a part is skipped', async () => {
    const rest = latin1(`\r\n${head('b')}second\r\n${head('c')}third\r\n${head('d')}fourth\r\n--b--`);
    const { body } = source([latin1(head('a')), big, big, rest]);
    const seen: string[] = [];
    for await (const part of readMultipart(body, formData('b'))) {
      seen.push(part.name);
      if (part.name === 'a') {
        for await (const _ of part.body) {
          break;
        }
      }
      if (part.name === 'c') {
        seen.push((await collect(part)).bytes.toString());
      }
    }
    expect(seen).toEqual(['a', 'b', 'c', 'third', 'd']);
  });

  test('a skipped part that was cut is still reported', async () => {
    const { body } = source([latin1(`${head('a')}x`)]);
    const parts = readMultipart(body, formData('b'));
    await parts.next();
    await expect(parts.next()).rejects.toSatisfy((error) => hasCode(error, 'upload_cut'));
  });

  test('reading a part after the next one was asked for is a defect, not an empty part', async () => {
    const { body } = source([latin1(`${head('a')}x\r\n${head('b')}y\r\n--b--`)]);
    const parts = readMultipart(body, formData('b'));
    const { value: first } = await parts.next();
    await parts.next();
    await expect(first?.body[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(Bug);
  });

  test('two readers at a time are a defect, not a mixture', async () => {
    const { body } = source([latin1(head('a')), big, latin1('\r\n--b--')]);
    const parts = readMultipart(body, formData('b'));
    const { value: part } = await parts.next();
    const reading = part?.body[Symbol.asyncIterator]().next();
    await expect(parts.next()).rejects.toBeInstanceOf(Bug);
    expect((await reading)?.done).toBe(false);
  });

  test('the source is read to its end after the closing delimiter', async () => {
    const { state, body } = source([latin1('--b--\r\n'), big, big]);
    expect((await readAll(body, formData('b'))).error).toBeUndefined();
    expect(state).toEqual({ asked: 4, isClosed: false });
  });

  test('the source is left open when the consumer stops early or the body is refused', async () => {
    const early = source([latin1(head('a')), big]);
    for await (const _ of readMultipart(early.body, formData('b'))) {
      break;
    }
    const refused = source([latin1('--b\r\n\r\n')]);
    expect((await readAll(refused.body, formData('b'))).error?.code).toBe('input_invalid');
    expect([early.state.isClosed, refused.state.isClosed]).toEqual([false, false]);
  });
});

describe('an error of the source', () => {
  async function* failing(error: Error): AsyncGenerator<Uint8Array> {
    yield latin1('--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx');
    throw error;
  }

  test.each(['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'])('%s is an upload cut off', async (code) => {
    const error = Object.assign(new Error('aborted'), { code });
    expect((await readAll(failing(error), formData('b'))).error?.code).toBe('upload_cut');
  });

  test('of any other kind passes through unchanged', async () => {
    const tooLarge = new AppError('upload_too_large');
    expect((await readAll(failing(tooLarge), formData('b'))).error?.code).toBe('upload_too_large');
    const bug = new Bug('ours');
    await expect(readAll(failing(bug), formData('b'))).rejects.toBe(bug);
  });
});
