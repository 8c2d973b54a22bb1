import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ROOT } from './node-program.ts';

/**
 * A program that some tests need and not every machine has. Its absence skips those tests with a notice that
 * nobody overlooks; with `PLAYHEAD_REQUIRE_OPTIONAL=1`, as in CI, it fails them.
 */
export interface OptionalProgram {
  /** Absolute path; '' if there is none. */
  readonly path: string;
  readonly missing: boolean;
}

/** Any Chromium: `CHROMIUM`, else the first on the PATH. */
export function findChromium(): OptionalProgram {
  const named = process.env['CHROMIUM'];
  const found = named ?? onPath(['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']);
  return judge('Chromium', found, 'install Chromium, or name it in CHROMIUM');
}

/** The compiler of Go. */
export function findGo(): OptionalProgram {
  return judge('Go', onPath(['go']), 'install Go');
}

/** The reference server of the Durable Streams protocol: the folder of its package. */
export function findDurableStreamsServer(): OptionalProgram {
  const installed = ['', 'tests/bench/'].map((folder) =>
    join(ROOT, folder, 'node_modules/@durable-streams/server'),
  );
  const found = process.env['DURABLE_STREAMS_SERVER'] ?? installed.find((path) => existsSync(path));
  return judge('@durable-streams/server', found, 'install it, or name its folder in DURABLE_STREAMS_SERVER');
}

/** What sandboxes are made with; Linux alone has it. */
export function findBubblewrap(): OptionalProgram {
  return judge('bubblewrap', onPath(['bwrap']), 'install bubblewrap');
}

/** A Python that has the packages of tests/samples/requirements.txt: that of `.venv`, else of the PATH. */
export function findPython(): OptionalProgram {
  const candidates = [join(ROOT, '.venv', 'bin', 'python'), onPath(['python3'])];
  const found = candidates.find((path) => path !== undefined && existsSync(path) && hasPackages(path));
  return judge(
    'Python with requests, sseclient-py and aiohttp',
    found,
    'python3 -m venv .venv && .venv/bin/pip install -r tests/samples/requirements.txt',
  );
}

/** The same, with the published client of the computers' interface. */
export function findComputersClient(): OptionalProgram {
  const { path } = findPython();
  const found = hasPackages(path, 'tzafon') ? path : undefined;
  return judge('Python with tzafon', found, '.venv/bin/pip install -r tests/samples/requirements.txt');
}

/** FFmpeg's own program, to make video with and to judge ours by. */
export function findFfmpeg(): OptionalProgram {
  return judge('ffmpeg', onPath(['ffmpeg']), 'install ffmpeg');
}

/** A Python that has GStreamer's RTSP server: that of the distribution. */
export function findRtspPython(): OptionalProgram {
  const check =
    'import gi; gi.require_version("GstRtspServer", "1.0"); from gi.repository import Gst, GstRtspServer; ' +
    'Gst.init(None); assert Gst.ElementFactory.find("rtph264pay") and Gst.ElementFactory.find("matroskademux")';
  const found = ['/usr/bin/python3', onPath(['python3'])].find(
    (path) => path !== undefined && spawnSync(path, ['-c', check], { stdio: 'ignore' }).status === 0,
  );
  return judge(
    'Python with GStreamer’s RTSP server',
    found,
    'install python3-gi, gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-good',
  );
}

/** ONNX Runtime: its package, which nothing installs by itself. */
export function findOnnxRuntime(): OptionalProgram {
  const found = join(ROOT, 'node_modules', 'onnxruntime-node');
  const remedy = 'ONNXRUNTIME_NODE_INSTALL=skip npm install --no-save onnxruntime-node';
  return judge('onnxruntime-node', found, remedy);
}

function hasPackages(python: string, names = 'requests, sseclient, aiohttp'): boolean {
  return spawnSync(python, ['-c', `import ${names}`], { stdio: 'ignore' }).status === 0;
}

function onPath(names: readonly string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

function judge(name: string, path: string | undefined, remedy: string): OptionalProgram {
  if (path !== undefined && existsSync(path)) return { path, missing: false };
  const notice = `${name} was not found (${remedy})`;
  if (process.env['PLAYHEAD_REQUIRE_OPTIONAL'] === '1') throw new Error(notice);
  const bar = '!'.repeat(100);
  process.stderr.write(`\n${bar}\n!!! SKIPPED: ${notice}\n${bar}\n\n`);
  return { path: '', missing: true };
}
