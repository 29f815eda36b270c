import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  byteByByte,
  chunked,
  type Field,
  formData,
  latin1,
  readAll,
  readText,
} from '../../test/support/form-reading.ts';

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
      const closing = `\r\n--${boundary}--`;
      return {
        /** True when a part, contrary to RFC 2046, holds what closes the form if nothing comes after it. */
        closesEarly: fields.some(({ bytes }) => `\r\n${bytes.toString('latin1')}`.includes(closing)),
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
      fc.asyncProperty(forms, fc.nat(), cuts, async (form, at, places) => {
        const { body, completeAt, contentType, fields } = form;
        fc.pre(!form.closesEarly);
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
