import { useChat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import { createElement as h } from 'react';
import { createRoot } from 'react-dom/client';

// The smallest app around useChat: what it is told to do comes in the address.
const { url, key, chat } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const headers = { authorization: `Bearer ${key}` };
const api = `${url}/v1/chats/${chat}/ui`;

function App({ messages: initial }) {
  const { messages, sendMessage, status } = useChat({
    id: chat,
    messages: initial,
    resume: true,
    transport: new DefaultChatTransport({ api, headers }),
  });
  return h(
    'main',
    null,
    h('p', { id: 'status' }, status),
    messages.map(({ id, role, parts }) =>
      h(
        'p',
        { key: id, className: role },
        parts.map((part) => (part.type === 'text' ? part.text : '')).join(''),
      ),
    ),
    h('button', { id: 'ask', onClick: () => sendMessage({ text: 'Tell me a story.' }) }, 'Ask'),
  );
}

const known = await fetch(api, { headers });
const { messages } = known.ok ? await known.json() : { messages: [] };
createRoot(document.body.appendChild(document.createElement('div'))).render(h(App, { messages }));
