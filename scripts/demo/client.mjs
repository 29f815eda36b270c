// A client of the server's two APIs, with nothing but fetch: what an integration of Creovai's sends, and one native route.
// Where there are several servers each request goes to the next one, as behind a balancer.

/** Asks for a token at `/Token` and answers with the calls that need it. */
export async function openClient(bases, { clientId, clientSecret }) {
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  const base = inTurn(bases);
  const granted = await answered(`${base()}/Token`, { method: 'POST', body: new URLSearchParams(form) });
  const authorization = `Bearer ${granted.access_token}`;
  const post = async (path, body) =>
    await answered(`${base()}${path}`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const upload = async (info, audio) =>
    await fetch(`${base()}/callCapture/v1/archive`, {
      method: 'POST',
      headers: { authorization },
      body: parts(info, audio),
    });
  const recording = async (callId) =>
    await fetch(`${base()}/v1/calls/${callId}/recording`, { headers: { authorization } });

  return {
    /** Uploads a call; answers with its id. */
    archive: async (info, audio) => (await document(await upload(info, audio), '/callCapture/v1/archive')).callId,
    /** The same for an upload that is expected to be refused: the answer's status. */
    archiveStatus: async (info, audio) => (await drained(await upload(info, audio))).status,
    /** Status by session id, in the order asked. */
    status: async (callSessionIds) => (await post('/callCapture/v1/status', { callSessionIds })).callSessions,
    whatIf: async (phoneNumber) => (await post('/purge/v1/calls/customer?whatIf=true', { phoneNumber })).items,
    purgeCustomer: async (phoneNumber) => (await post('/purge/v1/calls/customer', { phoneNumber })).items,
    purgeCalls: async (ids) => (await post('/purge/v1/calls', { ids })).items,
    purgeSessions: async (ids) => (await post('/purge/v1/calls/sessions', { ids })).items,
    /** A recording's bytes, or undefined where there is none. */
    async recording(callId) {
      const response = await recording(callId);
      if (response.status === 404) return void (await drained(response));
      if (response.status !== 200) throw new Error(`the recording answered ${response.status}`);
      return Buffer.from(await response.arrayBuffer());
    },
  };
}

/** Gives one of the addresses after the other, and begins again. */
export function inTurn(bases) {
  let given = 0;
  return () => {
    given += 1;
    return bases[given % bases.length];
  };
}

function parts(info, audio) {
  const form = new FormData();
  form.append('info', new Blob([JSON.stringify(info)], { type: 'application/json' }));
  form.append('data', new Blob([audio], { type: 'audio/wav' }), 'call.wav');
  return form;
}

async function answered(url, options) {
  return await document(await fetch(url, options), new URL(url).pathname);
}

/** The JSON of a 200; everything else is a failure of the demo, told with the server's own words. */
async function document(response, path) {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`POST ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

async function drained(response) {
  await response.arrayBuffer();
  return response;
}
