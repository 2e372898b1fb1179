"""What the world touches: the relying party, browser routes, identity, the HTTP API and the command line."""
