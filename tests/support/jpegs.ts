/** JPEGs of one colour, 64 by 48 pixels, as FFmpeg makes them. */
const RED =
  '/9j/4AAQSkZJRgABAgAAAQABAAD//gAQTGF2YzU5LjM3LjEwMAD/2wBDAAgUFBcUFxsbGxsbGyAeICEhISAgICAhISEkJCQqKiok' +
  'JCQhISQkKCgqKi4vLisrKisvLzIyMjw8OTlGRkhWVmf/xABNAAEBAAAAAAAAAAAAAAAAAAAABgEBAQEAAAAAAAAAAAAAAAAAAAYH' +
  'EAEAAAAAAAAAAAAAAAAAAAAAEQEAAAAAAAAAAAAAAAAAAAAA/8AAEQgAMABAAwEiAAIRAAMRAP/aAAwDAQACEQMRAD8AiwEo38AA' +
  'AAAAAAAAAAAAAAAAAAAB/9k=';
const GREEN =
  '/9j/4AAQSkZJRgABAgAAAQABAAD//gAQTGF2YzU5LjM3LjEwMAD/2wBDAAgUFBcUFxsbGxsbGyAeICEhISAgICAhISEkJCQqKiok' +
  'JCQhISQkKCgqKi4vLisrKisvLzIyMjw8OTlGRkhWVmf/xABMAAEBAAAAAAAAAAAAAAAAAAAABQEBAQAAAAAAAAAAAAAAAAAAAAcQ' +
  'AQAAAAAAAAAAAAAAAAAAAAARAQAAAAAAAAAAAAAAAAAAAAD/wAARCAAwAEADASIAAhEAAxEA/9oADAMBAAIRAxEAPwCsAlaKAAAA' +
  'AAAAAAAAAAAAAAAAAAP/2Q==';
const BLUE =
  '/9j/4AAQSkZJRgABAgAAAQABAAD//gAQTGF2YzU5LjM3LjEwMAD/2wBDAAgUFBcUFxsbGxsbGyAeICEhISAgICAhISEkJCQqKiok' +
  'JCQhISQkKCgqKi4vLisrKisvLzIyMjw8OTlGRkhWVmf/xABNAAEBAAAAAAAAAAAAAAAAAAAABwEBAQEAAAAAAAAAAAAAAAAAAAUH' +
  'EAEAAAAAAAAAAAAAAAAAAAAAEQEAAAAAAAAAAAAAAAAAAAAA/8AAEQgAMABAAwEiAAIRAAMRAP/aAAwDAQACEQMRAD8AjgDf0sAA' +
  'AAAAAAAAAAAAAAAAAAAB/9k=';

export const JPEGS: { readonly red: Buffer; readonly green: Buffer; readonly blue: Buffer } = {
  red: Buffer.from(RED, 'base64'),
  green: Buffer.from(GREEN, 'base64'),
  blue: Buffer.from(BLUE, 'base64'),
};

/** Of every one of them. */
export const JPEG_SIZE = { width: 64, height: 48 } as const;

/** A picture as it stands in JSON. */
export function encoded(jpeg: Buffer): string {
  return jpeg.toString('base64');
}

/** The same picture in so many bytes more: comments, which show nothing. */
export function padded(jpeg: Buffer, bytes: number): Buffer {
  const comments: Buffer[] = [];
  for (let left = bytes; left > 0; left -= 65_000) {
    const comment = Buffer.alloc(Math.max(4, Math.min(65_000, left)), 32);
    comment.writeUInt16BE(0xfffe, 0);
    comment.writeUInt16BE(comment.length - 2, 2);
    comments.push(comment);
  }
  return Buffer.concat([jpeg.subarray(0, 2), ...comments, jpeg.subarray(2)]);
}
