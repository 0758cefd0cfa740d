// A relying party made with openid-client as its documentation shows. Reads what it is (JSON) from its argument, prints
// the address to send the browser to, reads the address that the browser came back to, prints what it learnt.

import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const app = JSON.parse(process.argv[2])
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n')

async function authentication() {
  switch (app.method) {
    case 'client_secret_basic':
      return client.ClientSecretBasic(app.secret)
    case 'client_secret_post':
      return client.ClientSecretPost(app.secret)
    case 'private_key_jwt': {
      const { kid, ...jwk } = app.private_jwk
      const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
      const key = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign'])
      return client.PrivateKeyJwt({ key, kid })
    }
    default:
      return client.None()
  }
}

const config = await client.discovery(new URL(app.issuer), app.client_id, app.alg && { id_token_signed_response_alg: app.alg }, await authentication(), {
  execute: [client.allowInsecureRequests], // the test's provider speaks http on this machine
})

const code_verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const nonce = client.randomNonce()
tell({
  authorize: client.buildAuthorizationUrl(config, {
    redirect_uri: app.redirect_uri,
    scope: app.scope,
    code_challenge: await client.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    prompt: 'consent',
  }).href,
})

const current = new URL((await lines.next()).value)
const tokens = await client.authorizationCodeGrant(config, current, {
  pkceCodeVerifier: code_verifier,
  expectedState: state,
  expectedNonce: nonce,
  idTokenExpected: true,
  maxAge: 300,
})
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
const confidential = app.method !== 'none'
const before = confidential ? await client.tokenIntrospection(config, refreshed.access_token) : null
await client.tokenRevocation(config, refreshed.refresh_token)
const after = confidential ? await client.tokenIntrospection(config, refreshed.access_token) : null
const reuse = await client.refreshTokenGrant(config, refreshed.refresh_token).catch((error) => error.error)

tell({
  claims,
  userinfo,
  refreshed: refreshed.claims(),
  rotated: refreshed.refresh_token !== tokens.refresh_token,
  active: [before?.active, after?.active],
  reuse,
  end_session: client.buildEndSessionUrl(config, {
    post_logout_redirect_uri: app.post_logout_redirect_uri,
    id_token_hint: tokens.id_token,
    state: 'bye',
  }).href,
})
process.exit(0)
