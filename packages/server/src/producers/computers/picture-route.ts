import type { Router } from '../../http/router.ts';
import { parameter } from '../caller.ts';
import { addRoute } from './both-prefixes.ts';
import type { Pictures } from './pictures.ts';

/**
 * `GET …/pictures/{name}?signature=`: a picture, for whoever was given its address (D-23). It is an image and nothing
 * else: no browser takes it for a page.
 */
export function mountPictures(router: Router, pictures: Pictures): void {
  addRoute(router, {
    method: 'GET',
    path: '/:id/pictures/:name',
    access: 'public',
    async handle(exchange) {
      const signature = exchange.query.get('signature') ?? '';
      const { image, type, leftMs } = await pictures.get(
        parameter(exchange, 'id'),
        parameter(exchange, 'name'),
        signature,
      );
      return {
        headers: {
          'content-type': type,
          'content-security-policy': "sandbox; default-src 'none'",
          'cache-control': `private, max-age=${Math.floor(leftMs / 1000)}, immutable`,
          'referrer-policy': 'no-referrer',
        },
        body: image,
      };
    },
  });
}
