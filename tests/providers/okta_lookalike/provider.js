import './runtime.js';
import Provider, { errors, interactionPolicy } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';

import { CLAIMS_BY_SCOPE, claimsOf } from './claims.js';
import { logoutPage, loggedOutPage } from './pages.js';

const ROUTES = {
  authorization: '/oauth2/v1/authorize',
  token: '/oauth2/v1/token',
  userinfo: '/oauth2/v1/userinfo',
  jwks: '/oauth2/v1/keys',
  end_session: '/oauth2/v1/logout',
  introspection: '/oauth2/v1/introspect',
  revocation: '/oauth2/v1/revoke',
  pushed_authorization_request: '/oauth2/v1/par',
};
const HOUR = 3600;

// Sessions and codes outlive the provider object, which is made anew for every change of keys or clients.
const adapter = createMemoryAdapter(0);

function assignmentPolicy(organisation) {
  const policy = interactionPolicy.base();
  policy.get('consent').checks.add(
    new interactionPolicy.Check('not_assigned', 'the person is not assigned', ({ oidc }) => {
      if (organisation.assigned(oidc.session.accountId, oidc.client.clientId)) return false;
      throw new errors.AccessDenied('User is not assigned to the client application.');
    }),
  );
  return policy;
}

/** An administrator has consented for everybody, as in an Okta org. */
async function grantAll(ctx) {
  const { session, client, params, provider } = ctx.oidc;
  const granted = session.grantIdFor(client.clientId);
  const grant = (granted && (await provider.Grant.find(granted))) || new provider.Grant({
    clientId: client.clientId,
    accountId: session.accountId,
  });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}

function configuration(organisation) {
  const { alg } = organisation.switches;
  return {
    adapter,
    acrValues: [],
    claims: CLAIMS_BY_SCOPE,
    clients: [...organisation.clients.values()].map((client) => ({
      require_auth_time: true,
      id_token_signed_response_alg: alg,
      ...client,
    })),
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    conformIdTokenClaims: false,
    cookies: { keys: ['not a secret: the organisation lives as long as one test'] },
    enabledJWA: { idTokenSigningAlgValues: [alg] },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: logoutPage, postLogoutSuccessSource: loggedOutPage },
    },
    // By default the library refuses to call hosts on this machine; relying parties under test live here.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (_, sub) => {
      const person = organisation.bySubject(sub);
      return person && { accountId: sub, claims: (use) => claimsOf(person, use, organisation.switches) };
    },
    interactions: { policy: assignmentPolicy(organisation), url: (_, { uid }) => `/login/${uid}` },
    jwks: { keys: organisation.keys },
    loadExistingGrant: grantAll,
    pkce: { required: () => true },
    responseTypes: ['code'],
    routes: ROUTES,
    scopes: ['openid', 'email', 'profile', 'offline_access', 'groups'],
    ttl: { AuthorizationCode: 60, AccessToken: HOUR, IdToken: HOUR, Interaction: HOUR, Session: 8 * HOUR, Grant: 8 * HOUR },
  };
}

/** Takes RFC 9207 back out of what the library always sends. */
function withoutIssuer(ctx) {
  if (ctx.path === '/.well-known/openid-configuration') {
    delete ctx.body.authorization_response_iss_parameter_supported;
    return;
  }
  const location = ctx.response.get('Location');
  if (URL.canParse(location)) {
    const url = new URL(location);
    url.searchParams.delete('iss');
    ctx.set('Location', url.href);
  } else if (typeof ctx.body === 'string') {
    ctx.body = ctx.body.replace(/<input type="hidden" name="iss"[^>]*>/, '');
  }
}

/** An OpenID provider for the organisation as it is set up now. */
export function openProvider(issuer, organisation) {
  const provider = new Provider(issuer, configuration(organisation));
  provider.use(async (ctx, next) => {
    const { switches } = organisation;
    if (switches.form_post && ctx.path === ROUTES.authorization) ctx.query = { ...ctx.query, response_mode: 'form_post' };
    await next();
    const answers = ctx.path.startsWith(ROUTES.authorization) || ctx.path.startsWith('/.well-known/');
    if (answers && !switches.iss_parameter) withoutIssuer(ctx);
  });
  provider.on('server_error', (_, error) => console.error(error));
  return provider;
}
