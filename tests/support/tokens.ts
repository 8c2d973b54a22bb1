import { createSecretKey } from 'node:crypto';
import { createServer } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { listenOnLoopback } from './loopback.ts';

/** The secret that tests give the server. */
export const JWT_SECRET = 'a secret for tests, longer than thirty-two';

/** A JWT signed with a secret. `seconds`: how long it is valid. */
export function signToken(
  claims: JWTPayload,
  seconds: number = 3_600,
  secret: string = JWT_SECRET,
): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + seconds;
  return new SignJWT({ exp, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(createSecretKey(Buffer.from(secret)));
}

/** Somebody who signs tokens, and whose public keys are fetched over HTTP. */
export interface Issuer extends AsyncDisposable {
  readonly url: string;
  /** How often the keys were fetched. */
  readonly fetched: number;
  /** The public key, as it is served. */
  readonly publicKey: object;
  sign(claims: JWTPayload, seconds?: number): Promise<string>;
}

export async function startIssuer(alg: 'RS256' | 'ES256'): Promise<Issuer> {
  const pair: { publicKey: CryptoKey; privateKey: CryptoKey } = await generateKeyPair(alg, {
    extractable: true,
  });
  const publicKey = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg };
  let fetched = 0;
  const server = createServer((_request, response) => {
    fetched++;
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ keys: [publicKey] }));
  });
  const { url, close } = await listenOnLoopback(server);
  return {
    url: `${url}/keys`,
    publicKey,
    get fetched() {
      return fetched;
    },
    sign: (claims, seconds = 3_600) =>
      new SignJWT({ exp: Math.floor(Date.now() / 1000) + seconds, ...claims })
        .setProtectedHeader({ alg, kid: 'one' })
        .sign(pair.privateKey),
    [Symbol.asyncDispose]: close,
  };
}
