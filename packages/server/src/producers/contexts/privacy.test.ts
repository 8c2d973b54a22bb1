import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { placeOnly, withoutSecrets } from './clean-url.ts';
import { applyPrivacy, applyTabPrivacy } from './privacy.ts';
import { redactPersonal } from './redact-personal.ts';
import { sanitiseHtml } from './sanitise-html.ts';
import { type BrowserContext, type PrivacyLevel, syncMessage } from './sync-message.ts';

function context(privacyLevel: PrivacyLevel, more: object): [BrowserContext, PrivacyLevel] {
  const message = {
    id: 'm',
    type: 'create',
    payload: { type: 'context', context: { id: 'c', privacyLevel, ...more } },
  };
  const { payload } = syncMessage.parse(message);
  if (payload?.type !== 'context') throw new Error('no context');
  return [payload.context, privacyLevel];
}

describe('private: personal data', () => {
  test.each([
    ['write to ann.lee+x@mail.example.org now', 'write to [redacted] now'],
    ['ü@müller.example, b@c.de', '[redacted], [redacted]'],
    ['call +49 30 1234 5678.', 'call [redacted].'],
    ['(555) 123-4567 or 555.123.4567', '[redacted] or [redacted]'],
    ['card 4111 1111 1111 1111!', 'card [redacted]!'],
    ['order 4111 1111 1111 1112', 'order 4111 1111 1111 1112'],
    ['ssn 078-05-1120', 'ssn [redacted]'],
    ['DE89 3704 0044 0532 0130 00', '[redacted]'],
    ['from 192.168.1.17', 'from [redacted]'],
    [
      'on 2024-01-15 at 14:32:18, version 1.2.3, 42 of 1000',
      'on 2024-01-15 at 14:32:18, version 1.2.3, 42 of 1000',
    ],
    ['@ a@ @b @@', '@ a@ @b @@'],
  ])('%s', (text, expected) => expect(redactPersonal(text)).toBe(expected));

  test('goes from every text of a context, however deep, keys included, and its identity stays', () => {
    const kept = applyPrivacy(
      ...context('private', {
        tabId: 4,
        title: 'Inbox of me@x.org',
        url: 'https://u:p@x.org/a?token=1&q=me%40x.org',
        content: { text: 'me@x.org', list: [{ 'me@x.org': 1 }] },
        formData: { fullName: 'Ann', city: 'Ulm', amount: '3', fields: [{ name: 'cvv', value: 123 }] },
      }),
    );
    expect(JSON.stringify(kept)).not.toMatch(/me(?:@|%40)x|u:p|Ann|Ulm|123|token=1/);
    expect(kept).toMatchObject({
      id: 'c',
      tabId: 4,
      title: 'Inbox of [redacted]',
      formData: { amount: '3' },
    });
  });

  test.each([
    ['a key of an object', { custom: { 'me@x.org': 1 }, 'me@x.org': 2 }],
    ['what is called like an identity, within something', { custom: { id: 'me@x.org', userId: 'me@x.org' } }],
    ['an object in the place of an identity', { custom: { type: { text: 'me@x.org' } } }],
    ['a URL in a list', { custom: [{ url: 'https://x.org/?token=geheim' }] }],
    ['a form in a list', { custom: [{ fields: [{ name: 'password', value: 'geheim' }] }] }],
    ['a form whose field is a name', { formData: { name: 'geheim' } }],
    ['what stands within a field', { formData: { password: { now: 'geheim' }, zip: [{ a: 'geheim' }] } }],
    ['the name of a field', { formData: { fields: [{ name: 'me@x.org', value: '' }] } }],
  ])('P-441 goes from %s', (_, more) => {
    expect(JSON.stringify(applyPrivacy(...context('private', more)))).not.toMatch(/me@x|geheim/);
  });

  test('an identity within something stays where it is one', () => {
    const custom = { id: '550e8400-e29b-41d4-a716-446655440000', type: 'note', tabId: 7 };
    expect(applyPrivacy(...context('private', { custom }))['custom']).toEqual(custom);
  });

  test('takes no longer than the text is long', () => {
    for (const piece of ['a', '1', '1 ', '@', 'a@a', '+1', '(1', 'AB12', '1.'])
      expect(redactPersonal(piece.repeat(500_000 / piece.length)).length).toBeGreaterThan(0);
  }, 5_000);
});

test('restricted: keeps metadata only, and these without personal data', () => {
  const kept = applyPrivacy(
    ...context('restricted', {
      url: 'https://u:p@x.org/inbox?q=secret#part',
      title: 'Inbox of me@x.org',
      tabId: 1,
      tab: {
        id: 1,
        active: true,
        url: 'https://x.org/?a=b',
        favIconUrl: 'https://x.org/f?me',
        note: 'hidden',
      },
      timing: { createdAt: 5, openedTime: 'x'.repeat(100), loadMs: 7 },
      content: 'hidden',
      selection: { text: 'hidden' },
      formData: { a: 'hidden' },
      media: { src: 'hidden' },
      custom: { a: 'hidden' },
      page: { description: 'hidden' },
      anything: 'hidden',
    }),
  );
  expect(kept).toEqual({
    id: 'c',
    type: 'page',
    privacyLevel: 'restricted',
    url: 'https://x.org/inbox',
    title: 'Inbox of [redacted]',
    tabId: 1,
    tab: { active: true, url: 'https://x.org/', id: 1 },
    timing: { createdAt: 5, loadMs: 7 },
  });
});

test('P-441 restricted: nothing comes in under the name of an identity', () => {
  const kept = applyPrivacy(
    ...context('restricted', {
      tab: { id: 1, type: 'hidden words', userId: { a: 'hidden' }, privacyLevel: 'hidden words' },
      timing: { id: 'hidden words', windowId: ['hidden'], loadMs: 7 },
    }),
  );
  expect(JSON.stringify(kept)).not.toContain('hidden');
  expect(kept).toMatchObject({ tab: { id: 1 }, timing: { loadMs: 7 } });
});

describe('filtered: sanitised', () => {
  test.each([
    'javascript:x()',
    ' JavaScript:x()',
    'java\nscript:x()',
    'java\u0001script:x()',
    'data:text/html,x',
  ])('P-441 no URL that runs: %j', (url) => {
    const kept = applyPrivacy(...context('filtered', { url, custom: [{ href: url }] }));
    expect(kept).toMatchObject({ url: '', custom: [{ href: '' }] });
  });

  test('HTML without what runs, passwords out of forms, secrets out of URLs', () => {
    const kept = applyPrivacy(
      ...context('filtered', {
        url: 'https://u:p@x.org/a?access_token=1&q=2#id_token=3',
        content: { html: '<p onclick="x()">Hi<script>evil()</script></p>', text: 'a\u0000b\u202ec' },
        formData: {
          user: 'ann',
          password: 'geheim',
          fields: [{ name: 'x', type: 'password', value: 'geheim' }],
        },
      }),
    );
    expect(kept).toMatchObject({
      url: 'https://x.org/a?access_token=%5Bredacted%5D&q=2',
      content: { html: '<p>Hi</p>', text: 'abc' },
      formData: { user: 'ann', password: '[redacted]' },
    });
    expect(JSON.stringify(kept)).not.toMatch(/geheim|evil|onclick/);
  });

  test.each([
    ['<a href="javascript:x()">a</a>', '<a>a</a>'],
    ['<a href="java\nscript:x()">a</a>', '<a>a</a>'],
    ['<a href="&#106;avascript:x()">a</a>', '<a>a</a>'],
    ['<a href=\'/b?c="d"\' onmouseover=x>a</a>', '<a href="/b?c=&quot;d&quot;">a</a>'],
    ['<img src=x onerror=alert(1)>', '<img src="x">'],
    ['<IMG SRC="data:text/html,x">', '<img>'],
    ['<svg><script>1</script><b>x</b></svg>y', 'y'],
    ['<!-- <b> --><b>x</b><!doctype html>', '<b>x</b>'],
    ['<script>a</script >b</script>c', 'bc'],
    ['<scr<script>x</script>ipt>', '&lt;script&gt;'],
    ['<b', '&lt;b'],
    ['1 < 2 > 0 &amp;', '1 &lt; 2 &gt; 0 &amp;'],
    ['<iframe src="//x">a</iframe><form action=x><input value=y>z</form>', 'z'],
  ])('%s', (html, expected) => {
    expect(sanitiseHtml(html)).toBe(expected);
  });

  test('leaves no tag that is not of the list, and is the same the second time, whatever comes in', () => {
    const piece = fc.constantFrom(
      ...[
        '<',
        '>',
        '"',
        "'",
        '/',
        'script',
        'a',
        'b',
        ' ',
        'href=',
        'javascript:',
        '<!--',
        '-->',
        '</',
        'svg',
        'on',
        '=',
        '&',
        'x',
        '\n',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const clean = sanitiseHtml(pieces.join(''));
        expect(clean).not.toMatch(/<(?!\/?(?:a|b)[ >])/);
        expect(clean).not.toMatch(/<[^>]*\son/);
        expect(sanitiseHtml(clean)).toBe(clean);
      }),
      { numRuns: 2_000 },
    );
  });

  test('takes no longer than the page is long', () => {
    for (const piece of ['<', '<a', '<a "', "<a '", '<a "<b \'', '<!', '<a x ', '<script>', '</script'])
      sanitiseHtml(piece.repeat(500_000 / piece.length));
  }, 5_000);
});

test('URLs: secrets are named so, and a place has no query', () => {
  expect(withoutSecrets('https://x.org/?apiKey=1&id=2&user_token=3')).toBe(
    'https://x.org/?apiKey=%5Bredacted%5D&id=2&user_token=%5Bredacted%5D',
  );
  expect(withoutSecrets('not a url')).toBe('not a url');
  expect(placeOnly('data:text/html,secret')).toBe('');
  expect(placeOnly('https://u@x.org:8/a/b;c?d#e')).toBe('https://x.org:8/a/b;c');
});

test('a tab has the level of its page', () => {
  const tab = { type: 'tab' as const, tabId: 1, url: 'https://x.org/a?q=1', title: 'me@x.org' };
  expect(applyTabPrivacy(tab, 'public')).toEqual(tab);
  expect(applyTabPrivacy(tab, 'restricted')).toMatchObject({ url: 'https://x.org/a', title: '[redacted]' });
});
