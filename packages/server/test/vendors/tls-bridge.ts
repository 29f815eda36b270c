import { createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { connect } from 'node:tls';

/**
 * A plain port on loopback behind which everything is carried on over TLS to `origin`, whose certificate must be `ca`: what
 * decides every byte of a plain connection decides every byte inside a secure one.
 */
export async function bridgeTo(origin: string, ca: Buffer): Promise<{ origin: string; close(): void }> {
  const target = new URL(origin);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (plain) => {
    const secure = connect({ host: target.hostname, port: Number(target.port), ca });
    for (const socket of [plain, secure]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    secure.once('secureConnect', () => {
      // Either end may break off; the other then sees its connection end.
      pipeline(plain, secure, () => undefined);
      pipeline(secure, plain, () => undefined);
    });
    secure.once('error', () => plain.destroy());
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  return {
    origin: `http://127.0.0.1:${port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
