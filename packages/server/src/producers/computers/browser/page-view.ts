import type { BrowserOutcome } from '../browser-action.ts';
import type { PageContext, TabId, Viewport } from '../browser.ts';
import type { CdpParams } from './cdp.ts';
import type { CdpSession } from './cdp-connection.ts';
import { BOUNDS } from './clip.ts';
import { jpegSize, pngSize } from './image-size.ts';

type Screenshot = Extract<BrowserOutcome, { kind: 'screenshot' }>;
type Html = Extract<BrowserOutcome, { kind: 'html' }>;

/** Of a picture of all of a page: each way, and in all. Beyond it the picture is cut, at the bottom first. */
const SIDE_MAX = 16_384;
const PIXELS_MAX = 40_000_000;
const HTML_MAX = 16 * 1024 * 1024;
/** Our scripts run in a world of their own: what a page puts in place of the built-in functions does not count there. */
const WORLD = 'playhead';

/** What of a tab is needed to look at its page. */
export interface PageView {
  readonly id: TabId;
  readonly session: CdpSession;
  readonly mainFrame: string;
  readonly url: string;
  readonly viewport: Viewport;
}

export interface ScreenshotWish {
  readonly format: 'png' | 'jpeg';
  readonly quality: number;
  readonly fullPage: boolean;
}

/** Rejects with `CdpFailure`, as all here. */
export async function takeScreenshot(
  view: PageView,
  { format, quality, fullPage }: ScreenshotWish,
): Promise<Screenshot> {
  const { session, viewport } = view;
  const clip = fullPage ? await wholePage(session, viewport.scale) : undefined;
  const { data } = await session.send('Page.captureScreenshot', {
    format,
    ...(format === 'jpeg' ? { quality } : { optimizeForSpeed: true }),
    ...(clip === undefined ? {} : { clip, captureBeyondViewport: true }),
  });
  const image = Buffer.from(data, 'base64');
  const size = (format === 'jpeg' ? jpegSize(image) : pngSize(image)) ?? viewport;
  const scale = size.width / (clip?.width ?? viewport.width);
  return { kind: 'screenshot', tab: view.id, image, format, width: size.width, height: size.height, scale };
}

async function wholePage(
  session: CdpSession,
  scale: number,
): Promise<NonNullable<CdpParams<'Page.captureScreenshot'>['clip']>> {
  const { cssContentSize } = await session.send('Page.getLayoutMetrics');
  const width = Math.min(Math.ceil(cssContentSize.width), Math.floor(SIDE_MAX / scale));
  const height = Math.min(
    Math.ceil(cssContentSize.height),
    Math.floor(SIDE_MAX / scale),
    Math.floor(PIXELS_MAX / (width * scale * scale)),
  );
  return { x: 0, y: 0, width, height, scale: 1 };
}

export async function readHtml(view: PageView): Promise<Html> {
  const text = await evaluate(
    view,
    `((max) => {
      const type = document.doctype === null ? '' : new XMLSerializer().serializeToString(document.doctype) + '\\n';
      const all = type + (document.documentElement?.outerHTML ?? '');
      return (all.length > max ? '1' : '0') + all.slice(0, max);
    })(${HTML_MAX})`,
  );
  return { kind: 'html', tab: view.id, html: text.slice(1), cut: text.startsWith('1') };
}

export function readTitle(view: PageView): Promise<string> {
  return evaluate(view, `document.title.slice(0, ${BOUNDS.title})`);
}

export async function readContext(view: PageView): Promise<Omit<PageContext, 'tab' | 'main'>> {
  const { session, url, viewport } = view;
  const [title, { cssLayoutViewport, cssContentSize, cssVisualViewport }] = await Promise.all([
    readTitle(view),
    session.send('Page.getLayoutMetrics'),
  ]);
  return {
    url,
    title,
    viewport: { width: cssLayoutViewport.clientWidth, height: cssLayoutViewport.clientHeight },
    page: { width: Math.ceil(cssContentSize.width), height: Math.ceil(cssContentSize.height) },
    scroll: { x: cssVisualViewport.pageX, y: cssVisualViewport.pageY },
    deviceScaleFactor: viewport.scale,
  };
}

async function evaluate({ session, mainFrame }: PageView, expression: string): Promise<string> {
  const { executionContextId } = await session.send('Page.createIsolatedWorld', {
    frameId: mainFrame,
    worldName: WORLD,
  });
  const { result } = await session.send('Runtime.evaluate', {
    expression,
    contextId: executionContextId,
    returnByValue: true,
    silent: true,
  });
  return typeof result.value === 'string' ? result.value : '';
}
