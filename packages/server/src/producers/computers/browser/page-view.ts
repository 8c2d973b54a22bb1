import type { BrowserOutcome } from '../browser-action.ts';
import type { PageContext } from '../browser.ts';
import type { CdpParams } from './cdp.ts';
import type { CdpSession } from './cdp-connection.ts';
import { jpegSize, pngSize } from './image-size.ts';
import type { Tab } from './tab.ts';

type Screenshot = Extract<BrowserOutcome, { kind: 'screenshot' }>;
type Html = Extract<BrowserOutcome, { kind: 'html' }>;

/** Of a picture of all of a page: each way, and in all. Beyond it the picture is cut, at the bottom first. */
const SIDE_MAX = 16_384;
const PIXELS_MAX = 40_000_000;
const HTML_MAX = 16 * 1024 * 1024;
/** Our scripts run in a world of their own: what a page puts in place of the built-in functions does not count there. */
const WORLD = 'playhead';

export interface ScreenshotWish {
  readonly format: 'png' | 'jpeg';
  readonly quality: number;
  readonly fullPage: boolean;
}

/** Rejects with `CdpFailure`, as all here. */
export async function takeScreenshot(
  tab: Tab,
  { format, quality, fullPage }: ScreenshotWish,
): Promise<Screenshot> {
  const { session, viewport } = tab;
  const clip = fullPage ? await wholePage(session, viewport.scale) : undefined;
  const { data } = await session.send('Page.captureScreenshot', {
    format,
    ...(format === 'jpeg' ? { quality } : { optimizeForSpeed: true }),
    ...(clip === undefined ? {} : { clip, captureBeyondViewport: true }),
  });
  const image = Buffer.from(data, 'base64');
  const size = (format === 'jpeg' ? jpegSize(image) : pngSize(image)) ?? viewport;
  const scale = size.width / (clip?.width ?? viewport.width);
  return { kind: 'screenshot', tab: tab.id, image, format, width: size.width, height: size.height, scale };
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

export async function readHtml(tab: Tab): Promise<Html> {
  const text = await evaluate(
    tab,
    `((max) => {
      const type = document.doctype === null ? '' : new XMLSerializer().serializeToString(document.doctype) + '\\n';
      const all = type + (document.documentElement?.outerHTML ?? '');
      return (all.length > max ? '1' : '0') + all.slice(0, max);
    })(${HTML_MAX})`,
  );
  return { kind: 'html', tab: tab.id, html: text.slice(1), cut: text.startsWith('1') };
}

export async function readContext(tab: Tab): Promise<Omit<PageContext, 'tab' | 'main'>> {
  const { cssLayoutViewport, cssContentSize, cssVisualViewport } =
    await tab.session.send('Page.getLayoutMetrics');
  return {
    url: tab.url,
    title: tab.title,
    viewport: { width: cssLayoutViewport.clientWidth, height: cssLayoutViewport.clientHeight },
    page: { width: Math.ceil(cssContentSize.width), height: Math.ceil(cssContentSize.height) },
    scroll: { x: cssVisualViewport.pageX, y: cssVisualViewport.pageY },
    deviceScaleFactor: tab.viewport.scale,
  };
}

async function evaluate({ session, mainFrame }: Tab, expression: string): Promise<string> {
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
  return typeof result.value === 'string' ? result.value : '0';
}
