import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCameraUrl, shownUrl } from './camera-url.ts';

test('D-22 a URL says where its pictures come from', () => {
  expect(readCameraUrl('rtsp://u:p@cam.example:8554/live?x=1#y')).toEqual({
    ...{ kind: 'rtsp', url: 'rtsp://u:p@cam.example:8554/live?x=1', host: 'cam.example', port: 8554 },
  });
  const ports = ['rtsp://h/', 'rtsps://h/', 'http://h/', 'https://h/'].map((url) => readCameraUrl(url));
  expect(ports.map((one) => ('port' in one ? one.port : 0))).toEqual([554, 322, 80, 443]);
  expect(readCameraUrl('file:///srv/a%20b.mp4')).toEqual({ kind: 'file', path: '/srv/a b.mp4' });
  expect(readCameraUrl('v4l2:/dev/video2')).toEqual({ kind: 'device', path: '/dev/video2' });
  expect(readCameraUrl('pattern:testsrc2?width=1280&height=720&fps=30')).toEqual({
    ...{ kind: 'pattern', name: 'testsrc2', width: 1280, height: 720, fps: 30 },
  });
});

test.each([
  'no url',
  'ftp://host/a',
  'javascript:alert(1)',
  'concat:/etc/passwd|/etc/shadow',
  'data:text/plain,x',
  'file://other/etc/passwd',
  'file:///%ff',
  'v4l2:/dev/sda',
  'v4l2:/dev/video0/../sda',
  'pattern:movie=/etc/passwd',
  'pattern:testsrc2,movie',
  'pattern:testsrc2?fps=0',
  'pattern:testsrc2?width=1e9',
  'rtsp:///path',
  'http://host/\n',
])('D-22 %j is none that cameras have', (url) => {
  expect(() => readCameraUrl(url)).toThrow(expect.objectContaining({ code: 'invalid-request' }));
});

test('D-23 what is shown of a URL holds no user, no password and no value of its query; nor does what is refused', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9]{8,20}$/).map((text) => `zq${text}qz`);
  fc.assert(
    fc.property(secret, fc.constantFrom('rtsp', 'http', 'rtsps', 'https'), (word, scheme) => {
      const url = `${scheme}://${word}:${word}@cam.example:1234/live?pw=${word}&x=${word}#${word}`;
      expect(shownUrl(url)).toBe(`${scheme}://cam.example:1234/live?pw=…&x=…`);
      try {
        readCameraUrl(`nonsense+${url}`);
        expect.unreachable();
      } catch (error) {
        expect(JSON.stringify(error) + String(error)).not.toContain(word);
      }
    }),
  );
});

test('D-23 what is shown of a URL without secrets is that URL', () => {
  for (const url of ['rtsp://cam.example/live', 'https://cam.example/a.m3u8', 'pattern:testsrc2?fps=5'])
    expect(shownUrl(url)).toBe(url);
});
