import type { CDPSession } from 'playwright-core';

/**
 * The types of the Chrome DevTools Protocol, as playwright-core publishes them. Only types: we talk to the browser
 * ourselves, because what a page causes must cost the server little, and an action must settle whatever the page does.
 */
declare const session: CDPSession;

export type CdpMethod = Parameters<CDPSession['send']>[0];
export type CdpParams<M extends CdpMethod> = NonNullable<Parameters<typeof session.send<M>>[1]>;
export type CdpResult<M extends CdpMethod> = Awaited<ReturnType<typeof session.send<M>>>;

/** What is listened to. An event that is not here, or that nobody listens to, is never parsed. */
export type CdpEvent =
  | 'Browser.downloadProgress'
  | 'Browser.downloadWillBegin'
  | 'Fetch.authRequired'
  | 'Fetch.requestPaused'
  | 'Input.dragIntercepted'
  | 'Inspector.targetCrashed'
  | 'Network.loadingFailed'
  | 'Network.requestWillBeSent'
  | 'Network.responseReceived'
  | 'Network.webSocketCreated'
  | 'Network.webSocketFrameError'
  | 'Page.frameNavigated'
  | 'Page.javascriptDialogClosed'
  | 'Page.javascriptDialogOpening'
  | 'Page.loadEventFired'
  | 'Page.navigatedWithinDocument'
  | 'Page.screencastFrame'
  | 'Runtime.consoleAPICalled'
  | 'Runtime.exceptionThrown'
  | 'Target.attachedToTarget'
  | 'Target.detachedFromTarget'
  | 'Target.targetCrashed'
  | 'Target.targetInfoChanged';

export type CdpPayload<E extends CdpEvent> = Parameters<Parameters<typeof session.on<E>>[1]>[0];

/** Why a command was not done. `gone`: what it was sent to, or the whole browser, is no more. */
export class CdpFailure extends Error {
  override readonly name = 'CdpFailure';
  readonly reason: 'gone' | 'refused';

  constructor(reason: CdpFailure['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}
