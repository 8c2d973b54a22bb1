import { inspectVideo } from '../server.ts';
import type { Finding } from './findings.ts';

/** What cameras, and files of recordings, are read and written with; and what runs models on their pictures. */
export async function videoFindings(): Promise<readonly Finding[]> {
  const { version, missing, models } = await inspectVideo();
  const video: Finding =
    version === null
      ? {
          what: 'video',
          state: 'absent',
          detail: `no cameras by URL, and no exports of recordings: ${missing ?? ''}`,
          remedy: 'Install with optional dependencies, on a system that node-av has a build for.',
        }
      : { what: 'video', state: 'ok', detail: `FFmpeg ${version}, by node-av` };
  if (models) return [video, { what: 'models', state: 'ok', detail: 'onnxruntime-node is there' }];
  return [
    video,
    {
      what: 'models',
      state: 'absent',
      detail: 'no models on the pictures of cameras; motion needs none',
      remedy: 'npm install onnxruntime-node',
    },
  ];
}
