import { PlayheadError } from '@playhead/protocol';
import { allows, type Principal } from '../../access/principal.ts';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { Clock } from '../../runtime/clock.ts';
import { callerOf, parameter } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import type { Camera } from './camera.ts';
import { type Change, change, creation } from './camera-input.ts';
import { CAMERA_OPTIONS, type CameraRecord } from './camera-record.ts';
import type { CameraStore } from './camera-store.ts';
import { readCameraUrl, shownUrl } from './camera-url.ts';
import { actionView, cameraView } from './camera-view.ts';
import { requireCamera } from './find-camera.ts';
import type { LiveCameras } from './live-cameras.ts';
import { prepareSource, type Reachable } from './prepare-source.ts';
import type { CameraRecordings } from './recording-cameras.ts';

export interface CameraRouteParts {
  readonly live: LiveCameras;
  readonly recorded: CameraRecordings;
  readonly store: CameraStore;
  readonly clock: Clock;
  readonly reachable: Reachable;
  /** Where sockets of cameras are served besides the server's own port; null: nowhere. */
  readonly port: () => number | null;
}

const READ = { scope: 'cameras:read' } as const;
const WRITE = { scope: 'cameras:write' } as const;

/** Cameras themselves: made, listed, changed, deleted. */
export function mountCameras(router: Router, parts: CameraRouteParts): void {
  const one = '/v1/cameras/:id';
  router.add({ method: 'POST', path: '/v1/cameras', access: WRITE, handle: (it) => create(parts, it) });
  router.add({ method: 'GET', path: '/v1/cameras', access: READ, handle: (it) => list(parts, it) });
  router.add({ method: 'GET', path: one, access: READ, handle: (it) => show(parts, it) });
  router.add({ method: 'PATCH', path: one, access: WRITE, handle: (it) => modify(parts, it) });
  router.add({ method: 'DELETE', path: one, access: WRITE, handle: (it) => remove(parts, it) });
  router.add({
    method: 'GET',
    path: '/api/v1/actions/cameras',
    access: READ,
    handle: (it) => ({ body: { cameras: parts.live.list(callerOf(it).tenant).map(actionView) } }),
  });
}

async function create(parts: CameraRouteParts, exchange: Exchange): Promise<Reply> {
  const { id, url = null, recording = null, ...options } = checkInput(creation, await exchange.json());
  const principal = callerOf(exchange);
  const record: CameraRecord = {
    ...{ id, tenant: principal.tenant, createdAt: parts.clock.now(), networks: networksOf(principal) },
    ...{ ...CAMERA_OPTIONS, ...options, url: null },
  };
  const [made, secret] = await withUrl(parts, record, url);
  const camera = await parts.live.add(made, secret);
  if (recording !== null) await parts.recorded.turn(camera, recording);
  return {
    status: 201,
    headers: { location: `/v1/cameras/${encodeURIComponent(id)}` },
    body: cameraView(camera),
  };
}

function list({ live, port }: CameraRouteParts, exchange: Exchange): Reply {
  return { body: { cameras: live.list(callerOf(exchange).tenant).map(cameraView), port: port() } };
}

function show({ live }: CameraRouteParts, exchange: Exchange): Reply {
  return { body: cameraView(requireCamera(live, callerOf(exchange).tenant, parameter(exchange, 'id'))) };
}

async function modify(parts: CameraRouteParts, exchange: Exchange): Promise<Reply> {
  const wanted = checkInput(change, await exchange.json());
  const principal = callerOf(exchange);
  const camera = requireCamera(parts.live, principal.tenant, parameter(exchange, 'id'));
  return parts.live.inTurn(camera, () => modifyCamera(parts, principal, camera, wanted));
}

async function modifyCamera(
  parts: CameraRouteParts,
  principal: Principal,
  camera: Camera,
  { url, ...options }: Change,
): Promise<Reply> {
  const { record: before } = camera;
  const kept = await parts.store.urlOf(before);
  // What is shown of a URL, sent back, is the URL as it was.
  const same = url === undefined || url === before.url;
  // Who changes where an admin's camera reaches, or how it gets there, must be one.
  const networks = same ? before.networks : networksOf(principal);
  const [record, secret] = await withUrl(parts, { ...before, ...options, networks }, same ? kept : url);
  await parts.live.change(camera, record, secret, !same || changesSource(options));
  return { body: cameraView(camera) };
}

async function remove({ live }: CameraRouteParts, exchange: Exchange): Promise<Reply> {
  const camera = requireCamera(live, callerOf(exchange).tenant, parameter(exchange, 'id'));
  await live.inTurn(camera, () => live.remove(camera));
  return { status: 204 };
}

/** What the URLs of this caller's cameras may reach beyond public addresses; null: nothing. */
function networksOf(principal: Principal): readonly string[] | null {
  return allows(principal, 'admin') ? (principal.networks ?? []) : null;
}

/** The record with a URL, and that URL if it must be kept apart. Throws for one that may not be opened. */
async function withUrl(
  { reachable }: CameraRouteParts,
  record: CameraRecord,
  url: string | null,
): Promise<[CameraRecord, string | undefined]> {
  if (url === null) {
    if (record.detect !== null && record.detect.kind !== 'outside') {
      throw new PlayheadError(
        'invalid-request',
        'detect: pushed frames are looked at by outside detectors alone: "outside", or null',
        { extensions: { field: 'detect' } },
      );
    }
    return [{ ...record, url }, undefined];
  }
  readCameraUrl(url);
  const shown = shownUrl(url);
  const made = { ...record, url: shown };
  const prepared = await prepareSource(made, url, reachable);
  if (prepared.kind === 'open') prepared.release();
  // One that is only not there now may come.
  else if (prepared.reason === 'forbidden') throw new PlayheadError('forbidden', `url: ${prepared.message}`);
  return [made, shown === url ? undefined : url];
}

/** Whether any of these bears on how frames are made. */
function changesSource({ public: _open, ...rest }: Change): boolean {
  return Object.keys(rest).length > 0;
}
