/** A Creovai client as integrators write it: forms and JSON over real HTTP, nothing of ours shared. */
import { type ClientRequest, request } from 'node:http';

export type PurgeItem = { callId: string | null; sessionId: string | null; status: string; errorMsg: string | null };

export class CreovaiClient {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** The whole answer of an upload: status and call id, or message. */
  async archive(session: string, phone: string, audio: Buffer) {
    const body = Buffer.concat([formHead(session, phone), audio, formTail]);
    const answer = await this.#send('/callCapture/v1/archive', { 'content-type': formType }, body);
    return { status: answer.status, ...((await answer.json()) as { callId?: string; message?: string }) };
  }

  /** An upload whose audio comes piece by piece; `answer` resolves with status and body. */
  slowUpload(session: string, phone: string): { upload: ClientRequest; end: () => void; answer: Promise<number> } {
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': formType };
    const upload = request(`${this.#url}/callCapture/v1/archive`, { method: 'POST', headers });
    const answer = new Promise<number>((resolve, reject) => {
      upload.on('error', reject);
      upload.on('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
    });
    upload.write(formHead(session, phone));
    return { upload, end: () => upload.end(formTail), answer };
  }

  async status(session: string): Promise<string | undefined> {
    const answer = await this.#json('/callCapture/v1/status', { callSessionIds: [session] });
    return (answer as { callSessions: { status: string }[] }).callSessions[0]?.status;
  }

  /** `path` is what follows `/purge/v1/calls`. */
  async purge(path: string, body: object): Promise<PurgeItem[]> {
    return ((await this.#json(`/purge/v1/calls${path}`, body)) as { items: PurgeItem[] }).items;
  }

  async recording(callId: string): Promise<Response> {
    return await fetch(`${this.#url}/v1/calls/${callId}/recording`, {
      headers: { authorization: `Bearer ${this.#token}` },
    });
  }

  async #json(path: string, body: object): Promise<unknown> {
    const answer = await this.#send(path, { 'content-type': 'application/json' }, JSON.stringify(body));
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return await answer.json();
  }

  async #send(path: string, headers: Record<string, string>, body: string | Buffer): Promise<Response> {
    const authorization = `Bearer ${this.#token}`;
    return await fetch(`${this.#url}${path}`, { method: 'POST', headers: { ...headers, authorization }, body });
  }
}

const formType = 'multipart/form-data; boundary="a-line-between"';
const formTail = Buffer.from('\r\n--a-line-between--\r\n');

function formHead(sessionId: string, phoneNumber: string): Buffer {
  const contacts = [{ firstName: 'Ann', phoneNumber, channel: 0, type: 'Customer' }];
  const info = {
    sessionId,
    startTime: '2026-01-02T03:04:05Z',
    direction: 'Inbound',
    contacts,
    audio: { format: 'wav' },
  };
  return Buffer.from(
    `--a-line-between\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=info\r\n\r\n${JSON.stringify(info)}` +
      '\r\n--a-line-between\r\nContent-Type: audio/wav\r\nContent-Disposition: form-data; name=data\r\n\r\n',
  );
}
