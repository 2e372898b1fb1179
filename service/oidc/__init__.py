"""The relying party: how the service speaks with a customer's OpenID provider, and what it believes of the answers.

It knows neither routes nor tables. What goes in is values (issuer, client, code, nonce), what comes out is a proven
person or an :class:`~service.oidc.errors.OidcError` with a reason for the person and a detail for support.

A login takes these steps, in this order:

1. ``issuer`` turns what an administrator typed into an issuer, before it is recorded.
2. ``discovery`` reads the provider's metadata, which must name exactly that issuer (OIDC Discovery 4.3).
3. ``client`` builds the authorization URL; the browser leaves with state, nonce and a PKCE challenge.
4. ``tokens`` exchanges the code, once (RFC 6749 4.1.3, RFC 7636 4.5). ``token_errors`` explains a refusal.
5. ``id_token`` verifies the signature with a key of ``jwks``, then ``claims`` checks the claims (OIDC Core 3.1.3.7).
6. ``userinfo`` is asked only after that, and only for what the ID token left out (OIDC Core 5.3).
7. ``email`` chooses the address and judges whether it counts as verified.

Every byte from a provider comes through ``http``, which ``policy`` and ``addresses`` keep from reaching anything else.
"""
