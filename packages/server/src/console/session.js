// Who the person is, and how the API is asked: shared by the pages of the console.

export const $ = (id) => document.getElementById(id);

let signedIn = false;

/** Whoever is signed in is known by a cookie that no script can read; else the key says who asks. */
export function headers() {
  const key = $('key').value.trim();
  return { 'Content-Type': 'application/json', ...(key === '' ? {} : { 'X-API-Key': key }) };
}

/** Whether anybody is known: without, nothing needs to be asked. */
export function isKnown() {
  return signedIn || $('key').value !== '';
}

/** Asks the API; what it answers, or undefined after telling the person what was wrong. */
export async function ask(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: headers(),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => undefined);
  if (response === undefined) return tell('The server does not answer. Is it running?');
  const answer = response.status === 204 ? {} : await response.json().catch(() => ({}));
  if (response.ok) return (tell(''), answer);
  if (response.status === 401 && signedIn) showSession(false);
  return tell(
    answer.error?.message ??
      answer.error_message ??
      answer.detail ??
      `The server answered ${response.status}.`,
  );
}

export function tell(text) {
  $('problem').textContent = text;
  $('problem').hidden = text === '';
}

function showSession(on) {
  signedIn = on;
  $('session').hidden = !on;
  $('key-box').hidden = on;
}

/**
 * A link that `playhead tickets --console` prints has its ticket behind the #, which is sent to no server. It is taken
 * out of the address before anything else, and is good once.
 */
async function signIn() {
  const ticket = /^#ticket=([\w-]+)$/.exec(location.hash)?.[1];
  if (ticket !== undefined) {
    history.replaceState(null, '', location.pathname);
    sessionStorage.removeItem('key');
    $('key').value = '';
    if ((await ask('POST', '/console/session', { ticket })) === undefined) {
      $('problem').textContent += ' Make another link with `playhead tickets --console`, or put a key in.';
      return showSession(false);
    }
  }
  const session = await fetch('/console/session').then(
    (response) => response.json(),
    () => undefined,
  );
  showSession(session?.signed_in === true);
}

/** Begins: `changed` is called whenever it may be another person, `left` when one has signed out. */
export function begin({ changed, left }) {
  $('sign-out').addEventListener('click', async () => {
    await ask('DELETE', '/console/session');
    showSession(false);
    left();
  });
  // The link may be opened in a tab that shows the page already.
  window.addEventListener('hashchange', () => void signIn().then(changed));
  // The key stays in this tab only: not in the URL, not on disk.
  $('key').addEventListener('change', () => {
    sessionStorage.setItem('key', $('key').value);
    changed();
  });
  $('key').value = sessionStorage.getItem('key') ?? '';
  void signIn().then(changed);
}
