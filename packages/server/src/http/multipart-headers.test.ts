import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError, hasCode } from '../model/errors.ts';
import { boundaryOf, parsePartHeaders } from './multipart-headers.ts';

const invalid = (message: string) => new AppError('input_invalid', { message });

describe('parsePartHeaders', () => {
  /** One character is one byte. */
  const parse = (headers: string) => parsePartHeaders(Buffer.from(headers, 'latin1'));

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
  ])('%j is understood', (headers, name, filename, contentType) => {
    expect(parse(headers)).toEqual({ name, filename, contentType });
  });

  const noDisposition = 'A multipart part has no usable Content-Disposition: form-data header';
  const badLine = 'A multipart part has a malformed header line';
  test.each([
    ['', noDisposition],
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
  ])('%j is refused without being repeated', (headers, message) => {
    expect(() => parse(headers)).toThrow(invalid(message));
  });
});

describe('boundaryOf', () => {
  test.each([
    ['multipart/form-data; boundary=b', 'b'],
    ['multipart/form-data; boundary="b"', 'b'],
    ['Multipart/Form-Data ;charset=utf-8 ; BOUNDARY = a=/:b ;', 'a=/:b'],
    [`multipart/form-data; boundary="0aZ'()+_,-./:=? x"`, "0aZ'()+_,-./:=? x"],
    [`multipart/form-data; boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
  ])('%j names its boundary', (contentType, boundary) => {
    expect(boundaryOf(contentType)).toBe(boundary);
  });

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
    [`multipart/form-data; boundary=${'x'.repeat(71)}`, wrongForm],
  ])('%j is refused', (contentType, message) => {
    expect(() => boundaryOf(contentType)).toThrow(invalid(message));
  });
});

test('any bytes are headers or are refused as input_invalid', () => {
  const piece = fc.constantFrom(
    'Content-Disposition',
    ': ',
    'form-data',
    ';',
    ' name',
    '=',
    '"',
    '\\',
    '\r\n',
    ' ',
    'x',
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(text, (headers) => {
      for (const parse of [() => parsePartHeaders(Buffer.from(headers)), () => boundaryOf(headers)]) {
        try {
          parse();
        } catch (error) {
          expect(hasCode(error, 'input_invalid')).toBe(true);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('a header as long as its limit is refused in a moment, whatever it repeats', () => {
  for (const piece of [' ', ';', '"', '\\', '=', 'a=', '; ', ';a', 'a ', ';a="', ';a="\\', '\r\n ', 'a: b\r\n']) {
    const text = `Content-Disposition: form-data${piece.repeat(16_384 / piece.length)}!`;
    const startedAt = performance.now();
    expect(() => parsePartHeaders(Buffer.from(text))).toThrow(AppError);
    expect(() => boundaryOf(`multipart/form-data${piece.repeat(16_384 / piece.length)}!`)).toThrow(AppError);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  }
});
