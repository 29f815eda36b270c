// The two who use a campaign's archive, with nothing but fetch and one bare socket: a client written for Twin24, and the
// platform that dials.
import { connect } from 'node:net';
import { inTurn } from '../client.mjs';

const asJson = { 'content-type': 'application/json' };

/** Logs in as the vendor's PHP library does: nothing known yet in the header, and an empty map that became a list. */
export async function openTwin(bases, { email, password }) {
  const base = inTurn(bases);
  const { token } = await given(200, `${base()}/iam/api/v1/auth/login/`, {
    method: 'POST',
    headers: { ...asJson, authorization: 'Bearer null' },
    body: JSON.stringify({ email, password, companyId: null, extra: [] }),
  });
  const headers = { authorization: `Bearer ${token}` };
  const cis = () => `${base()}/cis/api/v1`;
  const get = async (url) => await given(200, url, { headers });
  const post = async (path, body) =>
    await given(200, `${cis()}${path}`, {
      method: 'POST',
      headers: { ...headers, ...asJson },
      body: JSON.stringify(body),
    });
  const rows = async (filter) => await get(`${base()}/analyse/api/v1/search/cis/calls?${new URLSearchParams(filter)}`);

  return {
    /** Makes a task; answers with its id, which the vendor nests. */
    createTask: async (task) => (await post('/telephony/autoCall', task)).id.identity,
    /** Puts people on their tasks and lets these begin; answers with their ids, in the order given. */
    addCandidates: async (batch) =>
      (await post('/telephony/autoCallCandidate/batch', { batch, forceStart: true })).items.map(({ id }) => id),
    task: async (id) => await get(`${cis()}/telephony/autoCall/${id}`),
    candidate: async (id) => await get(`${cis()}/telephony/autoCallCandidate/${id}`),
    /** Statistics of the calls that match: `{ count, items }`. */
    rows,
    row: async (id) => (await rows({ id })).items[0],
    /** What an erasure answers with; each of the three ways of sending one that clients have. */
    eraseByJson: async (path, body) =>
      await told(`${cis()}${path}`, { method: 'POST', headers: { ...headers, ...asJson }, body: JSON.stringify(body) }),
    eraseByEmptyJson: async (path) =>
      await told(`${cis()}${path}`, { method: 'POST', headers: { ...headers, ...asJson } }),
    eraseByBarePost: async (path) => await barePost(new URL(`${cis()}${path}`), headers.authorization),
    deleteRecord: async (callId) => await told(`${cis()}/calls/${callId}/record`, { method: 'DELETE', headers }),
  };
}

/** Opens the native API for a platform that reports what became of its calls. */
export async function openPlatform(bases, { clientId, clientSecret }) {
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  const base = inTurn(bases);
  const granted = await given(200, `${base()}/v1/token`, { method: 'POST', body: new URLSearchParams(form) });
  const headers = { authorization: `Bearer ${granted.access_token}` };
  const report = async (call, audio) =>
    await told(`${base()}/v1/calls`, { method: 'POST', headers, body: formOf(call, audio) });
  const pending = new URLSearchParams({ status: 'PENDING' });

  return {
    /** Who is still to be dialled. */
    async pending(taskId) {
      pending.set('autoCallId', taskId);
      return (await given(200, `${base()}/cis/api/v1/telephony/autoCallCandidate?${pending}`, { headers })).items;
    },
    /** Reports a call; answers with its id. */
    report: async (call, audio) => JSON.parse(mustBe(201, await report(call, audio), '/v1/calls').text).id,
    /** The three that may be refused answer with `{ status, text }`. */
    tryReport: report,
    complete: async (callId, change) =>
      await told(`${base()}/v1/calls/${callId}`, {
        method: 'PATCH',
        headers: { ...headers, ...asJson },
        body: JSON.stringify(change),
      }),
    putRecording: async (callId, audio) =>
      await told(`${base()}/v1/calls/${callId}/recording`, {
        method: 'PUT',
        headers: { ...headers, 'content-type': 'audio/wav' },
        body: audio,
      }),
  };
}

/** The bytes behind a row's `recordPath`, which needs no token; undefined where the link leads nowhere. */
export async function download(recordPath) {
  const response = await fetch(recordPath);
  const bytes = Buffer.from(await response.arrayBuffer());
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw new Error(`a recordPath answered ${response.status}`);
  return bytes;
}

/** Fails for any other status, with the server's own words. */
export function mustBe(status, answer, what) {
  if (answer.status !== status) throw new Error(`${what} answered ${answer.status}: ${answer.text}`);
  return answer;
}

function formOf(call, audio) {
  const form = new FormData();
  form.append('call', new Blob([JSON.stringify(call)], { type: 'application/json' }));
  if (audio !== undefined) form.append('recording', new Blob([audio], { type: 'audio/wav' }), 'call.wav');
  return form;
}

async function given(status, url, options) {
  return JSON.parse(mustBe(status, await told(url, options), new URL(url).pathname).text);
}

async function told(url, options) {
  const response = await fetch(url, options);
  return { status: response.status, text: await response.text() };
}

/** What `curl -X POST` sends: no Content-Type, no Content-Length, no body. fetch would announce a length. */
async function barePost({ hostname, port, host, pathname }, authorization) {
  const socket = connect(Number(port), hostname);
  const head = [`POST ${pathname} HTTP/1.1`, `Host: ${host}`, `Authorization: ${authorization}`, 'Connection: close'];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  let answer = '';
  for await (const chunk of socket.setEncoding('utf8')) answer += chunk;
  const end = answer.indexOf('\r\n\r\n');
  return { status: Number(answer.split(' ', 2)[1]), text: answer.slice(end + 4) };
}
