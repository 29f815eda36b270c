import type { RequestListener } from 'node:http';

/** Answers a request that expects anything but `100-continue`, which nobody here knows (RFC 9110, section 10.1.1). */
export const refuseExpectation: RequestListener = (_request, response) => {
  const body = JSON.stringify({ message: 'The only expectation that is met is 100-continue' });
  const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) };
  response.writeHead(417, headers).end(body);
};
