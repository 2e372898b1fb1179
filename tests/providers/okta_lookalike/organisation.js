import { makeKey } from './keys.js';

const SWITCHES = {
  alg: 'RS256', // what signs ID tokens: RS256, PS256 or ES256
  iss_parameter: false, // RFC 9207: announced in the discovery document, and sent
  form_post: false, // answers by form_post whatever response mode was asked for
  thin_id_token: false, // the ID token has no e-mail; userinfo has
  auto: null, // the e-mail of the person who is logged in without a page
  follow_hint: false, // whoever login_hint names is logged in without a page
};

/** What an Okta administrator sets up: people, applications and their assignments; and how the org behaves. */
export class Organisation {
  constructor({ people, clients, switches = {} }) {
    this.people = new Map(people.map((person) => [person.email, person]));
    this.clients = new Map(clients.map((client) => [client.client_id, client]));
    this.switches = { ...SWITCHES };
    this.requests = [];
    this.turn(switches);
    this.rotate(false);
  }

  turn(changes) {
    const unknown = Object.keys(changes).filter((name) => !(name in SWITCHES));
    if (unknown.length) throw new Error(`no such switch: ${unknown.join(', ')}`);
    Object.assign(this.switches, changes);
    if ('alg' in changes && this.keys) this.rotate(false);
  }

  /** Sign with a new key from now on. The former one stays published, or is gone at once. */
  rotate(keep) {
    this.keys = [makeKey(this.switches.alg), ...(keep ? this.keys : [])];
  }

  put(person) {
    this.people.set(person.email, person);
  }

  remove(email) {
    this.people.delete(email);
  }

  register(client) {
    this.clients.set(client.client_id, { ...this.clients.get(client.client_id), ...client });
  }

  bySubject(sub) {
    return [...this.people.values()].find((person) => person.sub === sub);
  }

  /** The person whom the switches log in without asking, if any. */
  loggedInBySwitch(loginHint) {
    const hinted = this.switches.follow_hint ? this.people.get(loginHint) : undefined;
    return hinted ?? this.people.get(this.switches.auto);
  }

  assigned(sub, clientId) {
    const apps = this.bySubject(sub)?.assigned ?? true;
    return apps === true || (Array.isArray(apps) && apps.includes(clientId));
  }
}
