const escape = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const page = (title, content) => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body><main><h1>${title}</h1>${content}</main></body>
</html>`;

/** The org's login page: one button for each person. */
export function loginPage(people, loginHint) {
  const buttons = people.map(({ email, name }) => {
    const hinted = email === loginHint ? ' autofocus' : '';
    return `<p><button name="person" value="${escape(email)}"${hinted}>${escape(name ?? email)} (${escape(email)})</button></p>`;
  });
  const cancel = '<p><button name="cancel" value="yes">Cancel</button></p>';
  return page('Sign in', `<form method="post">${buttons.join('')}${cancel}</form>`);
}

export function logoutPage(ctx, form) {
  const button = '<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>';
  ctx.body = page('Sign out?', `${form}${button}`);
}

export function loggedOutPage(ctx) {
  ctx.body = page('Signed out', '<p>You are signed out of the organisation.</p>');
}
