/** What a requirement asks of readers, a server cannot be tested for. */
const READER = 'It binds readers, not servers.';
const MAY = 'It allows something and demands nothing.';
const WEBHOOK = 'It takes a webhook that the server can call; the chapter durable-streams has one.';

/**
 * Requirements of PROTOCOL.md that have no test here, each with its reason: what shows only inside the server, only when
 * it dies, or only after it was harmed.
 */
export const UNTESTED: Readonly<Record<string, string>> = {
  'P-1': READER,
  'P-13': 'No request erases an event.',
  'P-14': 'It shows only when the server is killed.',
  'P-18': READER,
  'P-22': READER,
  'P-33': MAY,
  'P-34': 'It shows only when the server goes away.',
  'P-43': 'It takes a stream that is trimmed while it is read, which takes hours or gigabytes.',
  'P-65': 'It shows only when the server is killed.',
  'P-82': 'Most codes cannot be provoked on a socket; P-114 tests those that can.',
  'P-86': READER,
  'P-97': 'It would lock the address of whoever tests out for ten minutes.',
  'P-116': MAY,
  'P-125': 'What a server logs is not seen from outside.',
  'P-141': 'It takes a terminal whose beginning is trimmed, which takes hours or gigabytes.',
  'P-152': READER,
  'P-153': READER,
  'P-155': 'No request erases an event.',
  'P-156': 'It is about files that clients save.',
  'P-268': WEBHOOK,
  'P-269': WEBHOOK,
  'P-272': WEBHOOK,
  'P-274': WEBHOOK,
  'P-282': 'It shows only when the server is killed.',
  'P-286': 'How many of anything there may be is the choice of whoever runs the server.',
  'P-287': 'What a server logs is not seen from outside.',
  'P-324': 'It would leave a profile behind.',
  'P-343': MAY,
  'P-352': 'It takes a page that tells what hands did to it, on a network that the computer may reach.',
  'P-382': 'It takes a page that moves, on a network that the computer may reach.',
  'P-385': 'What a server films is not seen from outside.',
  'P-386': 'What a server keeps in its memory is not seen from outside.',
  'P-390': 'It takes a page that moves, on a network that the computer may reach.',
  'P-392': 'It takes as long as a computer lives unused, which is minutes.',
  'P-484': 'It takes a model that fails on demand.',
  'P-489': 'It takes a model that calls tools on demand.',
  'P-256': 'The chapter durable-streams is that suite.',
  'P-301': 'What a server keeps in its memory is not seen from outside.',
};
