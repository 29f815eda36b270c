/** Requests as the vendor's SDKs put them on the wire, to the byte. */
import { type RawAnswer, RawConnection, rawRequest } from '../support/raw-http.ts';

/** A form ready to be sent: its Content-Type and its bytes. */
export type SdkForm = { type: string; body: Buffer };

const guid = '0b7f6c1e-3d52-4a8e-9f10-6a5d4c3b2a19';
const mime = 'MIME_boundary_5D3A9C41F27B0E68';

/** The form of both .NET clients: types first, names without quotes, no filename, a GUID in quotes as the boundary. */
export function dotNetForm(
  info: object,
  audio: Buffer,
  { infoType = 'application/json', audioType = 'audio/wav' }: { infoType?: string; audioType?: string } = {},
): SdkForm {
  const head = (type: string, name: string) =>
    `Content-Type: ${type}\r\nContent-Disposition: form-data; name=${name}\r\n\r\n`;
  const body = Buffer.concat([
    Buffer.from(`--${guid}\r\n${head(infoType, 'info')}${JSON.stringify(info)}`),
    Buffer.from(`\r\n--${guid}\r\n${head(audioType, 'data')}`),
    audio,
    Buffer.from(`\r\n--${guid}--\r\n`),
  ]);
  return { type: `multipart/form-data; boundary="${guid}"`, body };
}

/** The form of the C++ client: names and a filename in quotes, and `audio/wav` whatever the audio is. */
export function cppForm(info: object, audio: Buffer): SdkForm {
  const head = (name: string, type: string) =>
    `Content-Disposition: form-data; ${name}\r\nContent-Type: ${type}\r\n\r\n`;
  const body = Buffer.concat([
    Buffer.from(`--${mime}\r\n${head('name="info"', 'application/json; charset=utf-8')}${JSON.stringify(info)}`),
    Buffer.from(`\r\n--${mime}\r\n${head('name="data"; filename="SampleRecording.wav"', 'audio/wav')}`),
    audio,
    Buffer.from(`\r\n--${mime}--\r\n`),
  ]);
  return { type: `multipart/form-data; boundary="${mime}"`, body };
}

/** A request with a form, as every client but the C++ one sends it. */
export function formRequest(path: string, token: string, { type, body }: SdkForm): Buffer {
  return rawRequest(`POST ${path}`, [`Authorization: Bearer ${token}`, `Content-Type: ${type}`], body);
}

/** An upload of the C++ client: in chunks of the size of its buffer, with the length of the form in a header beside. */
export function cppUpload(path: string, token: string, { type, body }: SdkForm): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    'Transfer-Encoding: chunked',
    `Authorization: Bearer ${token}`,
    `Content-Type: ${type}`,
    `Content-Length: ${body.length}`,
    'Host: archive.example',
    'Connection: Close',
  ];
  return Buffer.concat([
    Buffer.from(`${head.join('\r\n')}\r\n\r\n`),
    ...chunksOf(body, 4096),
    Buffer.from('0\r\n\r\n'),
  ]);
}

function chunksOf(body: Buffer, sizeBytes: number): Buffer[] {
  const count = Math.ceil(body.length / sizeBytes);
  return Array.from({ length: count }, (_, at) => {
    const chunk = body.subarray(at * sizeBytes, (at + 1) * sizeBytes);
    return Buffer.concat([Buffer.from(`${chunk.length.toString(16).toUpperCase()}\r\n`), chunk, Buffer.from('\r\n')]);
  });
}

/** What the C++ client's own code does: a new token before every call, each on a connection of its own. */
export class CppClient {
  readonly #origin: string;
  readonly #credentials: string;
  /** `/` when its base URL ends in one: paths then begin with two. */
  readonly #base: string;
  /** Every status that it was answered. */
  readonly statuses: number[] = [];

  /** `origin` is where plain bytes go on over TLS: the client speaks nothing else. */
  constructor(origin: string, { clientId, clientSecret }: { clientId: string; clientSecret: string }, base: '' | '/') {
    this.#origin = origin;
    this.#credentials = `client_id=${encodeURIComponent(clientId)}&client_secret=${encodeURIComponent(clientSecret)}`;
    this.#base = base;
  }

  async token(): Promise<string> {
    const form = `grant_type=client_credentials&${this.#credentials}`;
    const headers = ['Connection: Close', 'Content-Type: application/x-www-form-urlencoded'];
    // It drops the rest of its base URL here.
    const answer = await this.#send(rawRequest('POST /Token', headers, form));
    const granted = JSON.parse(answer.body.toString()) as { access_token: string; token_type: string };
    if (granted.token_type !== 'bearer') throw new Error('InvalidOperationException: only bearer tokens are supported');
    return granted.access_token;
  }

  async settings(): Promise<unknown> {
    const headers = [`Authorization: Bearer ${await this.token()}`, 'Connection: Close'];
    const head = [`GET ${this.#base}/sources/v1/recordingSettings HTTP/1.1`, 'Host: archive.example', ...headers];
    return this.#read(await this.#send(Buffer.from(`${head.join('\r\n')}\r\n\r\n`)));
  }

  async upload(info: object, audio: Buffer): Promise<string> {
    const path = `${this.#base}/callCapture/v1/archive`;
    const answer = this.#read(await this.#send(cppUpload(path, await this.token(), cppForm(info, audio))));
    return (answer as { callId: string }).callId;
  }

  async status(...sessionIds: string[]): Promise<{ status: string; callId?: string; sessionId: string }[]> {
    const headers = [
      `Authorization: Bearer ${await this.token()}`,
      'Connection: Keep-Alive',
      'Content-Type: application/json',
    ];
    const body = JSON.stringify({ CallSessionIds: sessionIds });
    const answer = await this.#send(rawRequest(`POST ${this.#base}/callCapture/v1/status`, headers, body));
    type Sessions = { callSessions: { status: string; callId?: string; sessionId: string }[] };
    return (this.#read(answer) as Sessions).callSessions;
  }

  /** It compares the whole Content-Type, and knows no success but 200. */
  #read(answer: RawAnswer): unknown {
    const type = answer.headers.get('content-type');
    if (type?.toLowerCase() !== 'application/json; charset=utf-8') throw new Error(`Unexpected content type ${type}`);
    if (answer.status !== 200) throw new Error(`ApplicationException ${answer.status}: ${answer.body.toString()}`);
    return JSON.parse(answer.body.toString());
  }

  async #send(request: Buffer): Promise<RawAnswer> {
    const connection = new RawConnection(this.#origin);
    try {
      await connection.send(request);
      const answer = await connection.answer();
      this.statuses.push(answer.status);
      return answer;
    } finally {
      connection.close();
    }
  }
}
