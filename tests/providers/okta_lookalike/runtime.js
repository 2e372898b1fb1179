// Imported before oidc-provider, which is written for Node 22: the one thing of it that Node 20 lacks. Its notices go to
// standard error, because standard output tells the parent process where to find us and nothing else.
URL.parse ??= (url, base) => (URL.canParse(url, base) ? new URL(url, base) : null);
console.info = console.error;
