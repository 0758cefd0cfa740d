// oidc-provider (npm, certified by the OpenID Foundation) as a broker of strong identification: it demands signed
// requests and proofs of possession, and encrypts its ID tokens. Whoever comes is the person of the configuration.
import { createServer } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";

const { issuer, port, client, person, level } = JSON.parse(process.argv[2]);
const { privateKey } = await generateKeyPair("RS256", { extractable: true });
const signing = { ...(await exportJWK(privateKey)), kid: "broker", use: "sig", alg: "RS256" };

const provider = new Provider(issuer, {
  clients: [client],
  jwks: { keys: [signing] },
  cookies: { keys: ["not a secret: of a test"] },
  acrValues: [level],
  claims: { openid: ["sub", ...Object.keys(person)] },
  conformIdTokenClaims: false, // claims of a scope in the ID token, as brokers do
  extraParams: ["ftn_spname"],
  features: {
    devInteractions: { enabled: false },
    encryption: { enabled: true },
    requestObjects: { enabled: true, requireSignedRequestObject: true },
  },
  enabledJWA: { idTokenEncryptionAlgValues: ["RSA-OAEP", "RSA-OAEP-256"] },
  fetch: (url, { dispatcher, ...options }) => fetch(url, options), // our keys are on this very machine
  pkce: { required: () => false },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...person }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid");
    await grant.save();
    return grant;
  },
});

const errors = [];
for (const event of ["authorization.error", "grant.error", "pushed_authorization_request.error", "server_error"]) {
  provider.on(event, (_, error) => errors.push(`${event}: ${error.message} ${error.error_description ?? ""}`));
}

const callback = provider.callback();
createServer(async (request, response) => {
  if (request.url === "/errors") return response.end(JSON.stringify(errors));
  if (!request.url.startsWith("/interaction/")) return callback(request, response);
  const details = await provider.interactionDetails(request, response);
  if (details.params.ftn_spname === undefined) return response.writeHead(400).end("no ftn_spname");
  const login = { accountId: "transient-1", acr: level, amr: ["https://broker.example.fi/ac/examplebank.1"], remember: false };
  await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
}).listen(port, "localhost");
