// Reads one line of JSON from standard input: {people, clients, switches?}. Prints {"issuer": ...} once it listens on a
// free port of 127.0.0.1, and ends as soon as standard input closes: with its parent, however that ends.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import { openProvider } from './provider.js';
import { Organisation } from './organisation.js';
import { answerLogin, isLogin } from './login.js';
import { control } from './control.js';
import { readBody } from './body.js';

const CONTROL = '/control/';

function start(line) {
  const organisation = new Organisation(JSON.parse(line));
  let issuer;
  let provider;
  let answerByProvider;

  function open() {
    provider = openProvider(issuer, organisation);
    answerByProvider = provider.callback();
  }

  async function answer(request, response) {
    const { pathname } = new URL(request.url, issuer);
    if (pathname.startsWith(CONTROL)) {
      const [status, body] = control(organisation, pathname.slice(CONTROL.length), await readBody(request));
      open(); // keys and clients are read when the provider is made
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(body));
      return undefined;
    }
    organisation.requests.push({ method: request.method, path: pathname });
    return isLogin(pathname)
      ? answerLogin(provider, organisation, request, response)
      : answerByProvider(request, response);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      console.error(error);
      if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' });
      response.end('The provider failed; its standard error says why.');
    });
  });
  server.listen(0, '127.0.0.1', () => {
    issuer = `http://127.0.0.1:${server.address().port}`;
    open();
    process.stdout.write(`${JSON.stringify({ issuer })}\n`);
  });
}

const lines = createInterface({ input: process.stdin });
lines.once('line', start);
lines.once('close', () => process.exit(0));
