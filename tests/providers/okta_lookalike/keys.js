import { generateKeyPairSync, randomBytes } from 'node:crypto';

/** A fresh private key for one signature algorithm, as a JWK with the members that Okta publishes. */
export function makeKey(alg) {
  const { privateKey } = alg.startsWith('ES')
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(16).toString('base64url'), alg, use: 'sig' };
}
