import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { abortable } from './abortable.ts';

async function* letters(): AsyncGenerator<string> {
  yield* 'abc';
}

/** Never answers, and never finishes stopping either. */
function hanging(): AsyncIterable<string> & { wasTold: () => boolean } {
  let told = false;
  const never = new Promise<never>(() => {});
  const stop = () => {
    told = true;
    return never;
  };
  return { [Symbol.asyncIterator]: () => ({ next: () => never, return: stop }), wasTold: () => told };
}

async function drain(source: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const item of source) text += item;
  return text;
}

describe('abortable', () => {
  test('passes every item on, with and without a signal', async () => {
    expect(await drain(abortable(letters(), undefined))).toBe('abc');
    expect(await drain(abortable(letters(), new AbortController().signal))).toBe('abc');
  });

  test('fails with the reason at once while the source is silent, and tells the source', async () => {
    const source = hanging();
    const abort = new AbortController();
    const drained = drain(abortable(source, abort.signal));
    abort.abort(new Error('enough'));
    await expect(drained).rejects.toThrow('enough');
    expect(source.wasTold()).toBe(true);
  });

  test('fails after an abort between two items, though the next one is ready', async () => {
    const abort = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const item of abortable(letters(), abort.signal)) {
        seen.push(item);
        abort.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
    expect(seen).toEqual(['a']);
  });

  test('passes the failure of the source on', async () => {
    async function* failing(): AsyncGenerator<string> {
      yield 'a';
      throw new Error('cut');
    }
    await expect(drain(abortable(failing(), new AbortController().signal))).rejects.toThrow('cut');
  });

  test('leaves no listener on the signal, however it ends', async () => {
    const { signal } = new AbortController();
    await drain(abortable(letters(), signal));
    for await (const _ of abortable(letters(), signal)) break;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
