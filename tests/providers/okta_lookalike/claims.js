export const CLAIMS_BY_SCOPE = {
  openid: ['sub', 'ver', 'idp'],
  email: ['email', 'email_verified'],
  profile: ['name', 'preferred_username', 'given_name', 'locale', 'zoneinfo', 'updated_at'],
  groups: ['groups'],
};

/** What Okta's org server says of a person: a few claims in the ID token of a code flow, all at userinfo. */
export function claimsOf(person, use, switches) {
  const { assigned, ...known } = person;
  const everything = { preferred_username: person.email, email_verified: false, ...known };
  if (use !== 'id_token') return everything;
  const { name, preferred_username, email } = everything;
  const token = { sub: person.sub, ver: 1, idp: '00o17ln5acme', name, preferred_username };
  return switches.thin_id_token ? token : { ...token, email };
}
