import { describe, expect, test } from 'vitest';
import { byteByByte, formData, latin1, readAll, readText } from '../../test/support/form-reading.ts';
import { multipartLimits } from './multipart.ts';

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

  test('a body whose Content-Type names no boundary is refused before it is read', async () => {
    const message = 'The Content-Type must be multipart/form-data with a boundary';
    expect(await readText('--b--', 'text/plain')).toEqual(invalid(message));
    expect(await readAll(byteByByte(latin1('--b--')), undefined)).toEqual(invalid(message));
  });
});

describe('limits', () => {
  test('a part without any header is refused', async () => {
    expect(await readText('--b\r\n\r\nx\r\n--b--')).toEqual(
      invalid('A multipart part has no usable Content-Disposition: form-data header'),
    );
  });

  test('the header block may be as long as its limit and not a byte longer', async () => {
    const headers = 'Content-Disposition: form-data; name=a';
    const body = `--b\r\n${headers}\r\n\r\nx\r\n--b--`;
    expect((await readText(body, formData('b'), { headerBytes: headers.length, parts: 1 })).error).toBeUndefined();
    expect(await readText(body, formData('b'), { headerBytes: headers.length - 1, parts: 1 })).toEqual(
      invalid('The headers of a multipart part are too long'),
    );
    const endless = `--b\r\nX: ${'x'.repeat(multipartLimits.headerBytes + 10)}`;
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
