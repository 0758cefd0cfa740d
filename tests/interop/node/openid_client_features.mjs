// What else openid-client can do, each as its documentation shows.

import * as client from 'openid-client'
import { app, at_the_device, private_key, tell, through_the_browser, url } from './conversation.mjs'

const issuer = new URL(app.issuer)
const insecure = client.allowInsecureRequests // the test's provider speaks http on this machine
const scope = 'openid profile email'

const discover = (metadata = {}, authentication = client.ClientSecretBasic(app.secret), ...execute) =>
  client.discovery(issuer, app.client_id, metadata, authentication, { execute: [insecure, ...execute] })

const signing_key = () => private_key(app.sign, { name: 'ECDSA', namedCurve: 'P-256' }, 'sign')

async function parameters(verifier, more = {}) {
  return {
    redirect_uri: url,
    scope,
    state: 'state-1',
    nonce: 'nonce-1',
    ...(verifier && { code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }),
    ...more,
  }
}

const plainly = (config, values) => client.buildAuthorizationUrl(config, values)
const pushed = (config, values) => client.buildAuthorizationUrlWithPAR(config, values)
const signed = async (config, values) => client.buildAuthorizationUrlWithJAR(config, values, await signing_key())
const signed_and_pushed = async (config, values) => pushed(config, (await signed(config, values)).searchParams)

async function log_in(config, build = plainly, more = {}, at_the_token_endpoint = {}) {
  const verifier = client.randomPKCECodeVerifier()
  const answer = await through_the_browser(await build(config, await parameters(verifier, more)))
  const checks = { pkceCodeVerifier: verifier, expectedState: 'state-1', expectedNonce: 'nonce-1' }
  const tokens = await client.authorizationCodeGrant(config, answer, checks, at_the_token_endpoint)
  return { tokens, claims: tokens.claims() }
}

async function log_in_and_ask(...options) {
  const { tokens, claims } = await log_in(...options)
  return { claims, userinfo: await client.fetchUserInfo(options[0], tokens.access_token, claims.sub) }
}

async function implicit(more = {}) {
  const config = await discover({}, client.None(), client.useIdTokenResponseType)
  const answer = await through_the_browser(client.buildAuthorizationUrl(config, await parameters(null, more)))
  const claims = await client.implicitAuthentication(config, answer, 'nonce-1', { expectedState: 'state-1' })
  return { claims, userinfo: claims }
}

await tell({
  pushed_request: async () => log_in_and_ask(await discover(), pushed),
  signed_request: async () => log_in_and_ask(await discover(), signed),
  signed_request_pushed: async () => log_in_and_ask(await discover(), signed_and_pushed),
  form_post: async () => log_in_and_ask(await discover(), plainly, { response_mode: 'form_post' }),
  hybrid: async () => log_in_and_ask(await discover({}, undefined, client.useCodeIdTokenResponseType)),
  hybrid_form_post: async () =>
    log_in_and_ask(await discover({}, undefined, client.useCodeIdTokenResponseType), plainly, {
      response_mode: 'form_post',
    }),
  implicit,
  implicit_form_post: () => implicit({ response_mode: 'form_post' }),
  client_secret_jwt: async () => log_in_and_ask(await discover({}, client.ClientSecretJwt(app.secret))),
  private_key_jwt: async () => log_in_and_ask(await discover({}, client.PrivateKeyJwt(await signing_key())), pushed),

  // Signatures of the tokens are checked too, although they come straight from the provider.
  signed_userinfo: async () =>
    log_in_and_ask(await discover({ userinfo_signed_response_alg: 'ES256' }, undefined, client.enableNonRepudiationChecks)),

  encrypted: async () => {
    const { key, kid } = await private_key(app.encrypt, { name: 'RSA-OAEP', hash: 'SHA-256' }, 'decrypt')
    const config = await discover({ userinfo_signed_response_alg: 'RS256' }, undefined, client.enableNonRepudiationChecks)
    client.enableDecryptingResponses(config, ['A256GCM', 'A128CBC-HS256'], { key, kid })
    const { tokens, claims } = await log_in(config)
    const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    return { claims, userinfo, parts: tokens.id_token.split('.').length, inner: client.getDecryptedResponses(tokens) }
  },

  resource: async () => {
    const config = await discover()
    const { tokens, claims } = await log_in(config, plainly, { resource: app.resource }, { resource: app.resource })
    return { claims, scope: tokens.scope, access_token: tokens.access_token }
  },

  client_credentials: async () => {
    const config = await discover()
    const tokens = await client.clientCredentialsGrant(config, { scope: 'invoices:read', resource: app.resource })
    return { type: tokens.token_type, scope: tokens.scope, access_token: tokens.access_token }
  },

  device: async () => {
    const config = await discover({}, client.None())
    const device = await client.initiateDeviceAuthorization(config, { scope })
    const polling = client.pollDeviceAuthorizationGrant(config, device)
    await at_the_device(device)
    const tokens = await polling
    const claims = tokens.claims()
    return { claims, userinfo: await client.fetchUserInfo(config, tokens.access_token, claims.sub) }
  },

  device_denied: async () => {
    const config = await discover({}, client.None())
    const device = await client.initiateDeviceAuthorization(config, { scope })
    await at_the_device(device)
    return { error: await client.pollDeviceAuthorizationGrant(config, device).catch((error) => error.error) }
  },

  registration: async () => {
    const metadata = {
      client_name: 'A program that registers itself',
      redirect_uris: [url],
      post_logout_redirect_uris: [app.logged_out],
      scope,
      token_endpoint_auth_method: 'client_secret_post',
    }
    const config = await client.dynamicClientRegistration(issuer, metadata, undefined, { execute: [insecure] })
    const { tokens, claims } = await log_in(config)
    const end = { id_token_hint: tokens.id_token, post_logout_redirect_uri: app.logged_out }
    return {
      claims,
      userinfo: await client.fetchUserInfo(config, tokens.access_token, claims.sub),
      end_session: client.buildEndSessionUrl(config, end).href,
    }
  },
})
