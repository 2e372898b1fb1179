const COMMANDS = {
  switch: (organisation, changes) => organisation.turn(changes),
  rotate: (organisation, { keep }) => organisation.rotate(keep),
  person: (organisation, person) => organisation.put(person),
  remove: (organisation, { email }) => organisation.remove(email),
  client: (organisation, client) => organisation.register(client),
  requests: (organisation) => organisation.requests,
};

/** Carries out what the test asks for; returns the status and the JSON to answer. */
export function control(organisation, command, body) {
  try {
    return [200, COMMANDS[command](organisation, JSON.parse(body)) ?? {}];
  } catch (error) {
    return [400, { error: String(error) }];
  }
}
