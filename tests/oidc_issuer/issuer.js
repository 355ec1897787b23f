// Serves an OpenID Connect issuer by HTTPS on a free loopback port: node issuer.js SETTINGS, which is JSON. It says where
// in a line of JSON, and each line on its standard input replaces its signing key. It ends with its standard input.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';

import { Provider } from 'oidc-provider';

const settings = JSON.parse(process.argv[2]);
const DAY_S = 86400;
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

// An issuer whose clock is late gives tokens that have ended elsewhere.
const now = Date.now.bind(Date);
Date.now = () => now() - settings.late_s * 1000;

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(8).toString('hex'), alg: 'RS256', use: 'sig' };
}

function provider(issuer) {
  const made = new Provider(issuer, {
    clients: [{
      client_id: 'vimesh-cli',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token', ...(settings.with_devices ? [DEVICE_CODE] : [])],
      response_types: ['code'],
      redirect_uris: ['http://127.0.0.1/'],
    }, ...(settings.page ? [{
      client_id: 'vimesh-console',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: [settings.page],
    }] : [])],
    // What a page asks for comes from its own origin alone.
    clientBasedCORS: (_, origin) => settings.page.startsWith(`${origin}/`),
    jwks: { keys: [signingKey()] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    extraTokenClaims: (_, token) => settings.accounts[token.accountId],
    ttl: {
      AccessToken: settings.lifetime_s,
      DeviceCode: DAY_S, Grant: DAY_S, IdToken: DAY_S, Interaction: DAY_S, RefreshToken: DAY_S, Session: DAY_S,
    },
    features: {
      deviceFlow: { enabled: settings.with_devices },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => (settings.with_jwt ? 'https://mesh.example' : undefined),
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: '',
          audience: settings.audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: settings.lifetime_s,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
  made.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'device_authorization' && ctx.status === 200) ctx.body.interval = 1;
  });
  return made;
}

let answer;
const tls = { key: readFileSync(settings.key), cert: readFileSync(settings.certificate) };
const server = createServer(tls, (request, response) => answer(request, response));
server.listen(0, '127.0.0.1', () => {
  const issuer = `https://localhost:${server.address().port}`;
  const begin = () => {
    // What was granted stays, in the memory that all providers of a process share.
    answer = provider(issuer).callback();
    console.log(JSON.stringify({ issuer }));
  };
  begin();
  createInterface({ input: process.stdin }).on('line', begin).on('close', () => process.exit(0));
});
