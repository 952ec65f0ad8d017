// A plain file server with byte ranges, standing for "any web server": directory indexes and types, nothing else.
import {createReadStream, readFileSync, statSync} from 'node:fs';
import {createServer} from 'node:http';
import {extname, join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';

const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json',
  '.mp4': 'video/mp4', '.m3u8': 'application/vnd.apple.mpegurl', '.vtt': 'text/vtt',
  '.jpg': 'image/jpeg', '.png': 'image/png', '.webp': 'image/webp', '.avif': 'image/avif', '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2', '.woff': 'font/woff', '.xml': 'application/xml',
};

// Serves folder under prefix ("/" or "/some/path/") on a free port of loopback. log receives {method, path, range}. Where
// pages are to trickle, they come a tag at a time, as on a slow line.
export async function serve(folder, {prefix = '/', log = () => {}, trickle = false} = {}) {
  const server = createServer((request, response) => {
    const {pathname} = new URL(request.url, 'http://host');
    log({method: request.method, path: pathname, range: request.headers.range});
    const file = pathname.startsWith(prefix) && find(join(folder, decodeURIComponent(pathname.slice(prefix.length))));
    if (!file) return response.writeHead(404).end();

    const headers = {
      'content-type': types[extname(file.path)] ?? 'application/octet-stream',
      'accept-ranges': 'bytes', 'cache-control': 'max-age=3600', etag: `"${file.size}-${file.time}"`,
    };
    const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const start = asked ? Number(asked[1]) : 0;
    const end = Math.min(asked?.[2] ? Number(asked[2]) : Infinity, file.size - 1);
    if (asked && start > end) return response.writeHead(416, {'content-range': `bytes */${file.size}`}).end();
    if (asked) headers['content-range'] = `bytes ${start}-${end}/${file.size}`;
    headers['content-length'] = file.size === 0 ? 0 : end - start + 1;
    response.writeHead(asked ? 206 : 200, headers);
    if (request.method === 'HEAD' || file.size === 0) return response.end();
    if (trickle && extname(file.path) === '.html') return drip(response, readFileSync(file.path, 'utf8'));
    createReadStream(file.path, {start, end}).on('error', () => response.destroy()).pipe(response);
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}${prefix}`,
    close: () => { server.closeAllConnections(); server.close(); },
  };
}

// Sends the head of a page, and then its body a tag at a time.
async function drip(response, page) {
  const [head, body] = page.split(/(?=<body)/);
  for (const piece of [head, ...body.split(/(?=<[a-z])/)]) {
    response.write(piece);
    await pause(20); // longer than a frame
  }
  response.end();
}

function find(path) {
  for (const candidate of [path, join(path, 'index.html')]) {
    const stat = statSync(candidate, {throwIfNoEntry: false});
    if (stat?.isFile()) return {path: candidate, size: stat.size, time: Math.round(stat.mtimeMs)};
  }
  return null;
}
