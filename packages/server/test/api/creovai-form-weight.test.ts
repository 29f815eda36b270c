import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { endScene, expectUntouched, markedCall, refused, type Scene, startScene } from '../support/bad-input-scene.ts';
import { dataPart, formOf, formType, infoPart, type TestPart } from '../support/creovai-forms.ts';
import { RawConnection, rawRequest } from '../support/raw-http.ts';

const mebibyte = 1024 * 1024;
const piece = Buffer.alloc(64 * 1024, 'x');

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterEach(async () => await expectUntouched(scene));
afterAll(async () => await endScene(scene));

/** Sends a form in chunks, so that nothing announces its length: `before`, `mebibytes` of filling, `after`. */
async function sendFilled(path: string, before: Buffer, mebibytes: number, after: Buffer) {
  const connection = new RawConnection(scene.origin);
  const headers = [`Authorization: Bearer ${scene.token}`, `Content-Type: ${formType}`];
  const head = rawRequest(`POST ${path}`, headers, '').toString();
  await connection.send(head.replace('Content-Length: 0', 'Transfer-Encoding: chunked'));
  const send = async (bytes: Buffer) => {
    const size = Buffer.from(`${bytes.length.toString(16)}\r\n`);
    await connection.send(Buffer.concat([size, bytes, Buffer.from('\r\n')]));
  };
  await send(before);
  for (let sent = 0; sent < mebibytes * mebibyte; sent += piece.length) await send(piece);
  await send(after);
  await connection.send('0\r\n\r\n');
  const answer = await connection.answer();
  connection.close();
  return { statusCode: answer.status, headers: Object.fromEntries(answer.headers), body: answer.body.toString() };
}

/** A form with a hole: what comes before the filling of a part, and what behind it. */
function around(parts: readonly TestPart[]): [before: Buffer, after: Buffer] {
  const form = formOf(parts);
  const at = form.indexOf('FILLING');
  return [form.subarray(0, at), form.subarray(at + 'FILLING'.length)];
}

const info = () => infoPart(markedCall('heavy'));
const other = { headers: ['Content-Disposition: form-data; name="other"'], body: 'FILLING' };

describe.each(['/callCapture/v1/archive', '/capture/v2/call'])('%s', (path) => {
  test.each<[string, () => [Buffer, Buffer]]>([
    ['a part that nobody reads, before the others', () => around([other, info(), dataPart()])],
    ['a part that nobody reads, behind the others', () => around([info(), dataPart(), other])],
    [
      'a preamble',
      () => [Buffer.from('preamble '), Buffer.concat([Buffer.from('\r\n'), formOf([info(), dataPart()])])],
    ],
    ['an epilogue', () => [formOf([info(), dataPart()]), Buffer.from('end')]],
  ])('refuses a form whose weight is in %s, and keeps nothing of it', async (_where, form) => {
    const [before, after] = form();
    refused(await sendFilled(path, before, 5, after), 413, /^The form is larger than 4096 KiB without its recording$/);
  });

  test('refuses no form for the weight of its recording, which has a limit of its own', async () => {
    const [before, after] = around([info(), dataPart(Buffer.from('FILLING'))]);
    refused(await sendFilled(path, before, 5, after), 413, /^(?!The form)/);
  });
});
