// What else oauth4webapi can do, each as its documentation shows.

import { compactDecrypt } from 'jose'
import * as oauth from 'oauth4webapi'
import { app, at_the_device, private_key, tell, through_the_browser, url } from './conversation.mjs'

const issuer = new URL(app.issuer)
const insecure = { [oauth.allowInsecureRequests]: true } // the test's provider speaks http on this machine
const tunnus = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
const client = { client_id: app.client_id }
const basic = () => oauth.ClientSecretBasic(app.secret)
const scope = 'openid profile email'

const signing_key = () => private_key(app.sign, { name: 'ECDSA', namedCurve: 'P-256' }, 'sign')

async function parameters(verifier, more = {}) {
  return new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: url,
    response_type: 'code',
    scope,
    state: 'state-1',
    nonce: 'nonce-1',
    ...(verifier && { code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }),
    ...more,
  })
}

function address(search) {
  const there = new URL(tunnus.authorization_endpoint)
  there.search = new URLSearchParams(search)
  return there
}

async function push(authentication, values) {
  const answer = await oauth.pushedAuthorizationRequest(tunnus, client, authentication, values, insecure)
  const { request_uri } = await oauth.processPushedAuthorizationResponse(tunnus, client, answer)
  return { client_id: client.client_id, request_uri }
}

async function sign(values) {
  return { client_id: client.client_id, request: await oauth.issueRequestObject(tunnus, client, values, await signing_key()) }
}

async function redeem(validated, verifier, { authentication = basic(), as = client, options = {} } = {}) {
  const answer = await oauth.authorizationCodeGrantRequest(tunnus, as, authentication, validated, url, verifier, insecure)
  const expected = { expectedNonce: 'nonce-1', requireIdToken: true, ...options }
  const tokens = await oauth.processAuthorizationCodeResponse(tunnus, as, answer, expected)
  await oauth.validateApplicationLevelSignature(tunnus, answer, { ...insecure, ...options })
  return ask(tokens, as, options)
}

async function ask(tokens, as = client, options = {}) {
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  const about = await oauth.userInfoRequest(tunnus, as, tokens.access_token, insecure)
  const userinfo = await oauth.processUserInfoResponse(tunnus, as, claims.sub, about, options)
  if (as.userinfo_signed_response_alg) {
    await oauth.validateApplicationLevelSignature(tunnus, about, { ...insecure, ...options })
  }
  return { claims, userinfo, parts: tokens.id_token.split('.').length }
}

async function log_in(build, more = {}, how = {}) {
  const verifier = oauth.generateRandomCodeVerifier()
  const answer = await through_the_browser(address(await build(await parameters(verifier, more))))
  return redeem(oauth.validateAuthResponse(tunnus, how.as ?? client, answer, 'state-1'), verifier, how)
}

const plainly = (values) => values

async function hybrid(more = {}) {
  const verifier = oauth.generateRandomCodeVerifier()
  const values = await parameters(verifier, { response_type: 'code id_token', ...more })
  const answer = await through_the_browser(address(values))
  const validated = await oauth.validateCodeIdTokenResponse(tunnus, client, answer, 'nonce-1', 'state-1', undefined, insecure)
  return redeem(validated, verifier)
}

async function device(while_polling) {
  const asked = await oauth.deviceAuthorizationRequest(tunnus, client, oauth.None(), new URLSearchParams({ scope }), insecure)
  const response = await oauth.processDeviceAuthorizationResponse(tunnus, client, asked)
  const poll = async () => {
    const answer = await oauth.deviceCodeGrantRequest(tunnus, client, oauth.None(), response.device_code, insecure)
    return oauth.processDeviceCodeResponse(tunnus, client, answer)
  }
  const first = await poll().catch((error) => error.error)
  await at_the_device(response)
  await new Promise((resolve) => setTimeout(resolve, (response.interval ?? 5) * 1000))
  return { first, ...(await while_polling(poll)) }
}

await tell({
  pushed_request: () => log_in((values) => push(basic(), values)),
  signed_request: () => log_in(sign),
  signed_request_pushed: () => log_in(async (values) => push(basic(), await sign(values))),
  hybrid: () => hybrid(),
  hybrid_form_post: () => hybrid({ response_mode: 'form_post' }),
  client_secret_jwt: () => log_in(plainly, {}, { authentication: oauth.ClientSecretJwt(app.secret) }),

  private_key_jwt: async () => {
    const authentication = oauth.PrivateKeyJwt(await signing_key())
    return log_in((values) => push(authentication, values), {}, { authentication })
  },

  signed_userinfo: () => log_in(plainly, {}, { as: { ...client, userinfo_signed_response_alg: 'ES256' } }),

  encrypted: async () => {
    const { key } = await private_key(app.encrypt, { name: 'RSA-OAEP', hash: 'SHA-256' }, 'decrypt')
    const options = {
      [oauth.jweDecrypt]: async (jwe) => new TextDecoder().decode((await compactDecrypt(jwe, key)).plaintext),
    }
    return log_in(plainly, {}, { as: { ...client, userinfo_signed_response_alg: 'RS256' }, options })
  },

  client_credentials: async () => {
    const values = new URLSearchParams({ scope: 'invoices:read', resource: app.resource })
    const answer = await oauth.clientCredentialsGrantRequest(tunnus, client, basic(), values, insecure)
    const tokens = await oauth.processClientCredentialsResponse(tunnus, client, answer)
    return { type: tokens.token_type, scope: tokens.scope, access_token: tokens.access_token }
  },

  // As an API does that checks access tokens itself (RFC 9068).
  access_token_at_an_api: async () => {
    const values = new URLSearchParams({ scope: 'invoices:read', resource: app.resource })
    const answer = await oauth.clientCredentialsGrantRequest(tunnus, client, basic(), values, insecure)
    const { access_token } = await oauth.processClientCredentialsResponse(tunnus, client, answer)
    const request = new Request(app.resource, { headers: { authorization: `Bearer ${access_token}` } })
    return { claims: await oauth.validateJwtAccessToken(tunnus, request, app.resource, insecure) }
  },

  device: () => device(async (poll) => ask(await poll())),
  device_denied: () => device(async (poll) => ({ error: await poll().catch((error) => error.error) })),

  registration: async () => {
    const metadata = { client_name: 'A program that registers itself', redirect_uris: [url], scope }
    const answer = await oauth.dynamicClientRegistrationRequest(tunnus, metadata, insecure)
    const registered = await oauth.processDynamicClientRegistrationResponse(answer)
    client.client_id = registered.client_id
    return log_in(plainly, {}, { authentication: oauth.ClientSecretBasic(registered.client_secret) })
  },
})
