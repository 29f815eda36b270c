import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError, Bug, hasCode } from '../model/errors.ts';
import { type MultipartLimits, multipartLimits, type Part, readMultipart } from './multipart.ts';

type Field = { name: string; filename: string | undefined; contentType: string | undefined; bytes: Buffer };
type Outcome = { fields: Field[]; error: { code: string; message: string } | undefined };

/** One character is one byte. */
const latin1 = (text: string) => Buffer.from(text, 'latin1');
const formData = (boundary: string) => `multipart/form-data; boundary=${boundary}`;

/** Cuts `bytes` at the given places, which may repeat: empty chunks are legal too. */
async function* chunked(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (const [index, end] of places.slice(1).entries()) {
    yield Uint8Array.from(bytes.subarray(places[index], end));
  }
}

function byteByByte(bytes: Buffer): AsyncGenerator<Uint8Array> {
  return chunked(
    bytes,
    Array.from(bytes, (_, index) => index),
  );
}

async function collect(part: Part): Promise<Field> {
  const chunks: Buffer[] = [];
  for await (const chunk of part.body) {
    expect(chunk.length).toBeGreaterThan(0);
    chunks.push(chunk);
  }
  return { name: part.name, filename: part.filename, contentType: part.contentType, bytes: Buffer.concat(chunks) };
}

async function readAll(
  body: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
  limits?: MultipartLimits,
): Promise<Outcome> {
  const fields: Field[] = [];
  try {
    for await (const part of readMultipart(body, contentType, limits)) {
      fields.push(await collect(part));
    }
    return { fields, error: undefined };
  } catch (error) {
    if (error instanceof AppError) {
      return { fields, error: { code: error.code, message: error.message } };
    }
    throw error;
  }
}

/** Reads a body in one chunk and again byte by byte; the two must agree. */
async function readText(text: string, contentType: string | undefined = formData('b'), limits?: MultipartLimits) {
  const outcome = await readAll(chunked(latin1(text), []), contentType, limits);
  expect(await readAll(byteByByte(latin1(text)), contentType, limits)).toEqual(outcome);
  return outcome;
}

async function fieldsOf(text: string, contentType?: string): Promise<string[][]> {
  const { fields, error } = await readText(text, contentType);
  expect(error).toBeUndefined();
  return fields.map((field) => [field.name, field.bytes.toString('latin1')]);
}

const invalid = (message: string) => ({ fields: [], error: { code: 'input_invalid', message } });

describe('the bodies of real clients', () => {
  const guid = '0d29d5a2-9c3e-4a37-b6f4-3d1a4cb5b0f6';
  const info = '{"SessionId":"s-1"}';
  const audio = 'RIFF\0\xff\r\n--0d29d5a2-\r\n\r\n--';

  test('the .NET SDK: unquoted names, no filename, Content-Type first, a quoted boundary', async () => {
    const body = [
      `--${guid}`,
      'Content-Type: application/json; charset=utf-8',
      'Content-Disposition: form-data; name=info',
      '',
      info,
      `--${guid}`,
      'Content-Type: audio/wav',
      'Content-Disposition: form-data; name=data',
      '',
      audio,
      `--${guid}--`,
      '',
    ].join('\r\n');
    const { fields, error } = await readText(body, `multipart/form-data; boundary="${guid}"`);
    expect(error).toBeUndefined();
    expect(fields).toEqual([
      { name: 'info', filename: undefined, contentType: 'application/json; charset=utf-8', bytes: latin1(info) },
      { name: 'data', filename: undefined, contentType: 'audio/wav', bytes: latin1(audio) },
    ]);
  });

  test('the C++ SDK: quoted names, a filename, a line of its own before the first boundary', async () => {
    const boundary = 'MIME_boundary_7FF0A1B2C3D4E5F6';
    const body =
      `\r\n--${boundary}\r\nContent-Disposition: form-data; name="info"\r\n` +
      `Content-Type: application/json; charset=utf-8\r\n\r\n${info}` +
      `\r\n--${boundary}\r\nContent-Disposition: form-data; name="data"; filename="C:\\calls\\new.wav"\r\n` +
      `Content-Transfer-Encoding: BINARY\r\nContent-Type: audio/wav\r\n\r\n${audio}\r\n--${boundary}--\r\n`;
    const { fields } = await readText(body, `multipart/form-data; boundary="${boundary}"`);
    expect(fields).toEqual([
      { name: 'info', filename: undefined, contentType: 'application/json; charset=utf-8', bytes: latin1(info) },
      { name: 'data', filename: 'C:\\calls\\new.wav', contentType: 'audio/wav', bytes: latin1(audio) },
    ]);
  });

  test('curl: a boundary of dashes, quotes escaped in a filename', async () => {
    const boundary = '------------------------d74496d66958873e';
    const body =
      `--${boundary}\r\nContent-Disposition: form-data; name="info"\r\n\r\n${info}\r\n` +
      `--${boundary}\r\nContent-Disposition: form-data; name="data"; filename="a \\"b\\";.wav"\r\n` +
      `Content-Type: audio/wav\r\n\r\n${audio}\r\n--${boundary}--\r\n`;
    const { fields } = await readText(body, `multipart/form-data; boundary=${boundary}`);
    expect(fields).toMatchObject([
      { name: 'info', contentType: undefined, bytes: latin1(info) },
      { name: 'data', filename: 'a "b";.wav', bytes: latin1(audio) },
    ]);
  });

  test('fetch: what FormData writes comes back', async () => {
    const bytes = Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 256));
    const form = new FormData();
    form.append('info', '{"name":"\u00c5sa"}');
    form.append('data', new Blob([bytes], { type: 'audio/ogg' }), '\u00e9t\u00e9.ogg');
    const response = new Response(form);
    const body = Buffer.from(await response.arrayBuffer());
    const { fields } = await readAll(byteByByte(body), response.headers.get('content-type') ?? undefined);
    expect(fields).toEqual([
      { name: 'info', filename: undefined, contentType: undefined, bytes: Buffer.from('{"name":"\u00c5sa"}') },
      { name: 'data', filename: '\u00e9t\u00e9.ogg', contentType: 'audio/ogg', bytes },
    ]);
  });
});

describe('framing', () => {
  const part = (value: string) => `--b\r\nContent-Disposition: form-data; name=a\r\n\r\n${value}`;

  test('preamble and epilogue are ignored, whatever they hold', async () => {
    expect(await fieldsOf(`\r\n--c\r\n--b \r\n--bb\r\n${part('x')}\r\n--b--\r\n--b\r\n\r\n`)).toEqual([]);
    expect(await fieldsOf(`not mime\r\n\r\n--bb\r\n--b-\r\nx --b\r\n${part('x')}\r\n--b--\r\n${part('y')}`)).toEqual([
      ['a', 'x'],
    ]);
  });

  test('spaces and tabs may follow a boundary', async () => {
    const body = `--b \t\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b-- \t `;
    expect(await fieldsOf(body)).toEqual([['a', 'x']]);
    expect(await fieldsOf(`${body}\r\n`)).toEqual([['a', 'x']]);
    expect(await fieldsOf(`${body}\r`)).toEqual([['a', 'x']]);
  });

  test('padding has a limit', async () => {
    const padded = (count: number) => `--b${' '.repeat(count)}\r\n${part('x').slice(5)}\r\n--b--`;
    expect(await fieldsOf(padded(1024))).toEqual([['a', 'x']]);
    expect(await readText(padded(1025))).toEqual(invalid('The padding after a multipart boundary is too long'));
  });

  test('an empty part is a part, with or without a line break of its own', async () => {
    expect(await fieldsOf(`${part('')}\r\n--b--`)).toEqual([['a', '']]);
    expect(await fieldsOf(`${part('')}--b--`)).toEqual([['a', '']]);
    expect(await fieldsOf(`${part('')}${part('')}\r\n${part('\r\n')}\r\n--b--`)).toEqual([
      ['a', ''],
      ['a', ''],
      ['a', '\r\n'],
    ]);
  });

  test('a form without fields is a form', async () => {
    expect(await fieldsOf('--b--')).toEqual([]);
    expect(await fieldsOf('--b--\r\n')).toEqual([]);
  });

  test.each([
    '\r\n--',
    '\r\n--\r\n',
    '\r\n--B\r\n',
    '\r\n--bb\r\n',
    '\r\n--b-\r\n',
    '\r\n--b---\r\n',
    '\r\n--b--x',
    '\r\n--b x\r\n',
    '\r\n--b\r',
    '\r\n--b\n',
    '\r\n--b--\n',
    '\n--b\r\n',
    '\r--b\r\n',
    '\r\n\r\n',
    '\r\r\n\r',
    'x--b\r\n',
    '--b-',
    '--bx\r\n',
    '\r\n --b\r\n',
    '\r\n--b\x0b\r\n',
    '\r\n--b\0\r\n',
  ])('%j is data', async (value) => {
    expect(await fieldsOf(`${part(value)}\r\n--b--`)).toEqual([['a', value]]);
    expect(await fieldsOf(`${part(`${value}${value}x`)}\r\n--b--`)).toEqual([['a', `${value}${value}x`]]);
  });

  test('a body that ends inside a delimiter line has been cut, unless the delimiter is complete', async () => {
    for (const end of [
      '',
      '\r',
      '\r\n',
      '\r\n-',
      '\r\n--',
      '\r\n--b',
      '\r\n--b ',
      '\r\n--b-',
      '\r\n--b\r',
      '\r\n--b\r\n',
    ]) {
      expect((await readText(part(`x${end}`))).error?.code).toBe('upload_cut');
    }
  });

  test('a boundary may hold every character of RFC 2046, quoted where it must be', async () => {
    const boundary = "0aZ'()+_,-./:=? x";
    expect(await fieldsOf(`--${boundary}--`, `multipart/form-data; boundary="${boundary}"`)).toEqual([]);
    expect(await fieldsOf('--a=/:b--', 'Multipart/Form-Data ;charset=utf-8 ; BOUNDARY = a=/:b ;')).toEqual([]);
    const longest = 'x'.repeat(70);
    expect(await fieldsOf(`--${longest}--`, formData(longest))).toEqual([]);
  });
});

describe('part headers', () => {
  const withHeaders = (headers: string) => readText(`--b\r\n${headers}\r\n\r\nx\r\n--b--`);

  test.each([
    ['Content-Disposition: form-data; name=info', 'info', undefined, undefined],
    ['content-disposition:form-data;name="info"', 'info', undefined, undefined],
    ['CONTENT-DISPOSITION:\tForm-Data ; NAME = info ; FileName = f.wav ;', 'info', 'f.wav', undefined],
    ['Content-Disposition: form-data; filename="f"; name=info', 'info', 'f', undefined],
    ['Content-Disposition: form-data; name=""', '', undefined, undefined],
    ['Content-Disposition: form-data; name="a;b=\\"c\\\\d\\e"', 'a;b="c\\d\\e', undefined, undefined],
    ["Content-Disposition: form-data; name=d; filename=f; filename*=utf-8''g", 'd', 'f', undefined],
    ['Content-Disposition: form-data;\r\n name=info;\r\n\tfilename=f', 'info', 'f', undefined],
    [
      'X: 1\r\nContent-Type:\t audio/wav \r\nX: 2\r\nContent-Disposition: form-data; name=d',
      'd',
      undefined,
      'audio/wav',
    ],
    ['Content-Disposition: form-data; name=d\r\nContent-Type: ', 'd', undefined, ''],
    ['Content-Disposition: form-data; name="\xc3\xa9"; filename="\xff"', '\u00e9', '\ufffd', undefined],
    ['Content-Disposition: form-data; name=d\r\nContent-Transfer-Encoding: base64', 'd', undefined, undefined],
  ])('%j is understood', async (headers, name, filename, contentType) => {
    expect(await withHeaders(headers)).toEqual({
      fields: [{ name, filename, contentType, bytes: latin1('x') }],
      error: undefined,
    });
  });

  const noDisposition = 'A multipart part has no usable Content-Disposition: form-data header';
  const badLine = 'A multipart part has a malformed header line';
  test.each([
    ['Content-Disposition: form-data', 'A multipart part has no name'],
    ['Content-Disposition: form-data; filename=SECRET', 'A multipart part has no name'],
    ['Content-Type: audio/SECRET', noDisposition],
    ['Content-Disposition: attachment; name=SECRET', noDisposition],
    ['Content-Disposition: ', noDisposition],
    ['Content-Disposition: form-data name=SECRET', noDisposition],
    ['Content-Disposition: form-data; name="SECRET', noDisposition],
    ['Content-Disposition: form-data; name="SECRET"x', noDisposition],
    ['Content-Disposition: form-data; name=', noDisposition],
    ['Content-Disposition: form-data; name', noDisposition],
    ['Content-Disposition: form-data; name=a; NAME=SECRET', noDisposition],
    ['Content-Disposition: form-data; name=a b', noDisposition],
    [
      'Content-Disposition: form-data; name=a\r\ncontent-disposition: form-data; name=b',
      'A multipart part repeats a header',
    ],
    ['Content-Type: a/b\r\nContent-Type: a/b', 'A multipart part repeats a header'],
    ['SECRET', badLine],
    [': SECRET', badLine],
    [' folded: SECRET', badLine],
    ['SEC RET: x', badLine],
    ['X: SECRET\nContent-Disposition: form-data; name=a', badLine],
    ['X: SECRET\rY: z', badLine],
    ['X: SECRET\0', badLine],
    ['Content-Disposition: form-data; name=a\r\n--b', badLine],
  ])('%j is refused without being repeated', async (headers, message) => {
    expect(await withHeaders(headers)).toEqual(invalid(message));
  });

  test('a part without any header is refused', async () => {
    expect(await readText('--b\r\n\r\nx\r\n--b--')).toEqual(invalid(noDisposition));
  });

  test('the header block may be as long as its limit and not a byte longer', async () => {
    const headers = 'Content-Disposition: form-data; name=a';
    const body = `--b\r\n${headers}\r\n\r\nx\r\n--b--`;
    expect((await readText(body, formData('b'), { headerBytes: headers.length, parts: 1 })).error).toBeUndefined();
    expect(await readText(body, formData('b'), { headerBytes: headers.length - 1, parts: 1 })).toEqual(
      invalid('The headers of a multipart part are too long'),
    );
    const endless = `--b\r\nX: ${'x'.repeat(multipartLimits.headerBytes)}`;
    expect(await readText(endless)).toEqual(invalid('The headers of a multipart part are too long'));
  });

  test('there may be as many parts as the limit says and not one more', async () => {
    const body = (count: number) => `${'--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n'.repeat(count)}--b--`;
    const limits = { headerBytes: 100, parts: 3 };
    expect((await readText(body(3), formData('b'), limits)).fields).toHaveLength(3);
    const { fields, error } = await readText(body(4), formData('b'), limits);
    expect(fields).toHaveLength(3);
    expect(error).toEqual({ code: 'input_invalid', message: 'The multipart body has too many parts' });
  });
});

describe('the Content-Type of the body', () => {
  const wrongType = 'The Content-Type must be multipart/form-data with a boundary';
  const wrongForm = 'The multipart boundary must be 1 to 70 of the characters that RFC 2046 allows';
  test.each([
    [undefined, wrongType],
    ['', wrongType],
    ['application/json', wrongType],
    ['multipart/mixed; boundary=b', wrongType],
    ['multipart/form-data; boundary=a; boundary=b', wrongType],
    ['multipart/form-data; boundary="b', wrongType],
    ['multipart/form-data, text/plain', wrongType],
    ['multipart/form-data', 'The Content-Type names no multipart boundary'],
    ['multipart/form-data; charset=utf-8', 'The Content-Type names no multipart boundary'],
    ['multipart/form-data; boundary=""', wrongForm],
    ['multipart/form-data; boundary="b "', wrongForm],
    ['multipart/form-data; boundary="b\r\n"', wrongForm],
    ['multipart/form-data; boundary=b*', wrongForm],
    [formData('x'.repeat(71)), wrongForm],
  ])('%j is refused', async (contentType, message) => {
    // Not through readText, where undefined stands for the usual boundary.
    expect(await readAll(chunked(latin1('--b--'), []), contentType)).toEqual(invalid(message));
  });
});

const boundaryChars = "0123456789abcXYZ'()+_,-./:=?";
const boundaries = fc.oneof(
  fc.constantFrom('b', '-', '--', '----------------------------735323031399963166993862'),
  fc.string({ unit: fc.constantFrom(...boundaryChars), minLength: 1, maxLength: 70 }),
);
const cuts = fc.array(fc.nat({ max: 5000 }), { maxLength: 40 });

/** Data full of what is nearly a delimiter. */
function dataNear(boundary: string): fc.Arbitrary<Buffer> {
  const delimiter = `\r\n--${boundary}`;
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.nat({ max: delimiter.length }).map((count) => delimiter.slice(0, count)),
    fc.nat({ max: delimiter.length }).map((count) => delimiter.slice(count)),
    fc.constantFrom('\r\n', '\r', '\n', '--', '-', '\r\n\r\n', ' ', `${delimiter}x`, `${delimiter}-`, `${delimiter} -`),
  );
  return fc.array(piece, { maxLength: 12 }).map((pieces) => latin1(pieces.join('')));
}

/** True when `data`, as the body of a part, would hold a line that no one could tell from a delimiter. */
function holdsDelimiter(data: Buffer, boundary: string): boolean {
  const escaped = boundary.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
  return new RegExp(`\r\n--${escaped}(--)?[ \t]*\r\n`).test(`\r\n${data.toString('latin1')}\r\n`);
}

const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
const label = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !/[\r\n\0]/.test(text));

function fieldNear(boundary: string): fc.Arbitrary<Field & { head: string }> {
  const bytes = dataNear(boundary).filter((data) => !holdsDelimiter(data, boundary));
  const shape = fc.record({ isTypeFirst: fc.boolean(), isUpper: fc.boolean(), isBare: fc.boolean() });
  return fc
    .tuple(
      label,
      fc.option(label, { nil: undefined }),
      fc.constantFrom(undefined, 'audio/wav', 'a/b; c="d"'),
      bytes,
      shape,
    )
    .map(([name, filename, contentType, data, { isTypeFirst, isUpper, isBare }]) => {
      const written = isBare && /^[A-Za-z0-9]+$/.test(name) ? name : quoted(name);
      const suffix = filename === undefined ? '' : `; filename=${quoted(filename)}`;
      const key = isUpper ? 'CONTENT-DISPOSITION' : 'Content-Disposition';
      const lines = [`${key}: form-data; name=${written}${suffix}`];
      if (contentType !== undefined) {
        lines.splice(isTypeFirst ? 0 : 1, 0, `Content-Type: ${contentType}`);
      }
      return { name, filename, contentType, bytes: data, head: `${lines.join('\r\n')}\r\n\r\n` };
    });
}

/** A whole body, with what a reader must make of it. */
const forms = boundaries.chain((boundary) =>
  fc
    .record({
      fields: fc.array(fieldNear(boundary), { maxLength: 4 }),
      padding: fc.constantFrom('', ' ', '\t  '),
      preamble: fc.constantFrom('', '\r\n', 'preamble\r\n', '\r\n--\r\n\r\n'),
      epilogue: fc.constantFrom('', '\r\n', '\r\nepilogue', `\r\n--${boundary}\r\n`),
    })
    .map(({ fields, padding, preamble, epilogue }) => {
      const pieces = fields.flatMap(({ head, bytes }) => [
        latin1(`--${boundary}${padding}\r\n`),
        Buffer.from(head),
        bytes,
        latin1('\r\n'),
      ]);
      const form = Buffer.concat([latin1(preamble), ...pieces, latin1(`--${boundary}--`)]);
      return {
        body: Buffer.concat([form, latin1(padding + epilogue)]),
        /** From here on, a body that is cut is a form all the same: only padding and epilogue are missing. */
        completeAt: form.length,
        contentType: `multipart/form-data; boundary="${boundary}"`,
        fields: fields.map(({ head: _, ...field }) => field),
      };
    }),
);

describe('any form', () => {
  test('comes back byte for byte however it is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(forms, cuts, async ({ body, contentType, fields }, places) => {
        expect(await readAll(chunked(body, places), contentType)).toEqual({ fields, error: undefined });
      }),
      { numRuns: 1000 },
    );
  });

  test('comes back byte for byte when every chunk is one byte', async () => {
    await fc.assert(
      fc.asyncProperty(forms, async ({ body, contentType, fields }) => {
        expect(await readAll(byteByByte(body), contentType)).toEqual({ fields, error: undefined });
      }),
    );
  });

  test('that ends before its closing delimiter never passes for a whole one', async () => {
    await fc.assert(
      fc.asyncProperty(forms, fc.nat(), cuts, async ({ body, completeAt, contentType, fields }, at, places) => {
        const outcome = await readAll(chunked(body.subarray(0, at % completeAt), places), contentType);
        expect(outcome.error?.code).toBe('upload_cut');
        expect(outcome.fields).toEqual(fields.slice(0, outcome.fields.length));
      }),
      { numRuns: 500 },
    );
  });

  test('or what is not one ends the same way however it is cut into chunks', async () => {
    const pieces = ['\r\n--b', '\r\n--b--', '--b', '\r\n', '\r\n\r\n', ' ', '-', 'x', 'Content-Disposition: form-data'];
    const piece = fc.constantFrom(...pieces, '; name=a', '\r\n--b\r\nContent-Disposition: form-data; name=a\r\n\r\n');
    const limits = { headerBytes: 64, parts: 3 };
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 15 }), cuts, async (list, places) => {
        const body = latin1(list.join(''));
        const outcome = await readAll(chunked(body, []), formData('b'), limits);
        expect(await readAll(chunked(body, places), formData('b'), limits)).toEqual(outcome);
        expect(await readAll(byteByByte(body), formData('b'), limits)).toEqual(outcome);
        expect(['upload_cut', 'input_invalid', undefined]).toContain(outcome.error?.code);
      }),
      { numRuns: 1000 },
    );
  });
});

test('a body cut at every one of its bytes is reported as cut, until the closing delimiter is complete', async () => {
  const form =
    'preamble\r\n--b\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=info\r\n\r\n{}\r\n' +
    '--b \r\nContent-Disposition: form-data; name="data"; filename="a"\r\n\r\n\r\n--\r\n\r\n--b--';
  const epilogue = ' \r\nepilogue';
  for (let at = 0; at <= form.length + epilogue.length; at += 1) {
    const { error } = await readText(`${form}${epilogue}`.slice(0, at));
    expect(error?.code).toBe(at < form.length ? 'upload_cut' : undefined);
  }
});

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
    const { state, body } = source([latin1('--b--'), big, big]);
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
