import { type Answer, ask } from './ask.ts';

/** A computer that runs, as far as tests look at it. */
export interface Computer {
  readonly id: string;
  readonly kind: string;
  readonly status: string;
  readonly endpoints: Readonly<Record<string, string>>;
}

/** What an action is answered with. */
export interface ActionResult {
  readonly status: 'SUCCESS' | 'ERROR';
  readonly code?: string;
  readonly executed_tab_id: string;
  readonly result: Readonly<Record<string, unknown>>;
}

export function computers(
  method: string,
  path: string = '',
  body?: unknown,
  key?: string | null,
): Promise<Answer> {
  return ask(`/v1/computers${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
    ...(key === undefined ? {} : { key }),
  });
}

/** Makes a computer; it is ended when it is disposed. */
export async function makeComputer(body: object = {}): Promise<Computer & AsyncDisposable> {
  const answer = await computers('POST', '', body);
  if (answer.status !== 200) throw new Error(`no computer, has the server a browser? ${answer.text}`);
  const computer = answer.json<Computer>();
  return {
    ...computer,
    async [Symbol.asyncDispose]() {
      await computers('DELETE', `/${computer.id}`);
    },
  };
}

/** Has an action done. */
export async function act(id: string, action: object): Promise<ActionResult> {
  const answer = await computers('POST', `/${id}/execute`, action);
  if (answer.status !== 200) throw new Error(`${JSON.stringify(action)}: ${answer.status} ${answer.text}`);
  return answer.json<ActionResult>();
}
