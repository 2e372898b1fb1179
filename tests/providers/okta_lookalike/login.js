import { loginPage } from './pages.js';
import { readBody } from './body.js';

const LOGIN = /^\/login\/[\w-]+$/;

export const isLogin = (path) => LOGIN.test(path);

/** The login page: shows the people, or logs in the one whom a switch or the pressed button names. */
export async function answerLogin(provider, organisation, request, response) {
  const { params, prompt } = await provider.interactionDetails(request, response);
  let person = organisation.loggedInBySwitch(params.login_hint);
  if (request.method === 'POST') {
    const pressed = new URLSearchParams(await readBody(request));
    if (pressed.has('cancel')) {
      const refusal = { error: 'access_denied', error_description: 'The person does not want to sign in.' };
      await provider.interactionFinished(request, response, refusal);
      return;
    }
    person = organisation.people.get(pressed.get('person'));
  }
  if (prompt.name === 'login' && !person) {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
    response.end(loginPage([...organisation.people.values()], params.login_hint));
    return;
  }
  const login = person && { accountId: person.sub, amr: ['pwd', 'mfa', 'otp'] };
  await provider.interactionFinished(request, response, prompt.name === 'login' ? { login } : { consent: {} });
}
