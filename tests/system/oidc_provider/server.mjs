// An identity provider for tests: the certified library `oidc-provider`, with two pages of its own and what a test asks
// for in a JSON file, whose name is the one argument. Says "ready" once it listens.
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const read = () => JSON.parse(readFileSync(process.argv[2]));
const asked = read();

const provider = new Provider(asked.issuer, {
  clients: asked.clients,
  jwks: { keys: asked.keys },
  cookies: { keys: ['a secret of tests'] },
  clientAuthMethods: asked.client_auth_methods,
  acrValues: asked.acr_values,
  claims: {
    openid: ['sub', 'acr', 'amr'],
    profile: ['preferred_username', 'given_name', 'family_name'],
    email: ['email', 'email_verified'],
    groups: ['groups'],
  },
  conformIdTokenClaims: asked.claims_in_userinfo,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...read().people[id] }) }),
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
});

const fields = (prompt) =>
  prompt === 'login'
    ? '<input name="person"><input name="acr"><input name="amr"><button name="do" value="login">Log in</button>'
    : '<button name="do" value="allow">Allow</button>';

async function form(ctx) {
  let text = '';
  for await (const piece of ctx.req) text += piece;
  return Object.fromEntries(new URLSearchParams(text));
}

async function allowed({ params, prompt, grantId, session }) {
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
  if (prompt.details.missingOIDCClaims) grant.addOIDCClaims(prompt.details.missingOIDCClaims);
  return { consent: { grantId: await grant.save() } };
}

function loggedIn({ person, acr, amr }) {
  return { login: { accountId: person, acr: acr || undefined, amr: amr ? amr.split(' ') : undefined } };
}

async function interact(ctx) {
  const details = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = `<h1>${details.prompt.name}</h1><form method="post" action="${ctx.path}">${fields(details.prompt.name)}</form>`;
    return;
  }
  const filled = await form(ctx);
  const declined = { error: 'access_denied', error_description: 'The person has said no.' };
  const result =
    filled.do === 'login' ? loggedIn(filled) : filled.do === 'allow' ? await allowed(details) : declined;
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: filled.do === 'allow' });
}

provider.use(async (ctx, next) => {
  if (ctx.path.startsWith('/interaction/')) return interact(ctx);
  await next();
  if (ctx.path === '/.well-known/openid-configuration') Object.assign(ctx.body, asked.metadata);
});

const tls = asked.tls && { cert: readFileSync(asked.tls.cert), key: readFileSync(asked.tls.key) };
const server = tls ? createSecureServer(tls, provider.callback()) : createServer(provider.callback());
server.listen(asked.port, asked.host, () => console.log('ready'));
