// The site is moved to another path of another server; everything a page names is there.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {Player, browser, clips, close, fileOf, folder, pages, url, visit} from './lib/site.mjs';
import {serve} from './lib/server.mjs';

const all = await clips();
let server, page;

before(async () => {
  server = await serve(folder, {prefix: '/some/path/'});
  page = await (await browser()).newPage();
});
after(async () => {
  server.close();
  await close();
});

// Every address in a page, wherever HTML puts one, and those of the players' settings.
const addresses = html => page.evaluate(text => {
  const found = [], tree = new DOMParser().parseFromString(text, 'text/html');
  for (const element of tree.querySelectorAll('*')) {
    for (const name of ['href', 'src', 'poster', 'data', 'action']) {
      if (element.hasAttribute(name)) found.push(element.getAttribute(name));
    }
    for (const name of ['srcset', 'imagesrcset']) {
      for (const candidate of (element.getAttribute(name) ?? '').split(',')) {
        if (candidate.trim()) found.push(candidate.trim().split(/\s+/)[0]);
      }
    }
  }
  for (const script of tree.querySelectorAll('[data-player] script')) {
    const config = JSON.parse(script.textContent);
    found.push(config.mp4, config.hls, config.poster, config.lib + 'flowplayer.min.js');
    found.push(...config.warm.map(range => range.url), ...config.captions.map(track => track.src));
  }
  const ids = [...tree.querySelectorAll('[id]')].map(element => element.id);
  return {found: found.filter(Boolean), ids};
}, html);

// The addresses of a style sheet or a playlist.
function inside(name, text) {
  if (name.endsWith('.css')) {
    return [...text.matchAll(/url\(\s*["']?([^"')]+)/g)].map(match => match[1]).filter(a => !a.startsWith('data:') && !a.includes('.eot'));
  }
  return [
    ...text.split('\n').map(line => line.trim()).filter(line => line && !line.startsWith('#')),
    ...[...text.matchAll(/URI="([^"]*)"/g)].map(match => match[1]),
  ];
}

test('every address resolves', async () => {
  const broken = [], known = new Map(), fragments = [];
  const check = async (address, from) => {
    const target = new URL(address, from);
    const home = new URL(server.url);
    if (target.origin !== home.origin) return; // other sites, mailto:, data:
    if (!target.pathname.startsWith(home.pathname)) {
      broken.push(`${from}: ${address} leads out of the site`);
      return;
    }
    if (target.hash && !target.hash.startsWith('#t=')) fragments.push([from, address, target]);
    const key = target.pathname;
    if (known.has(key)) return;
    known.set(key, null);
    const response = await fetch(target);
    if (!response.ok) {
      broken.push(`${from}: ${address}: ${response.status}`);
      return;
    }
    if (/\.(css|m3u8)$/.test(key)) {
      for (const further of inside(key, await response.text())) await check(further, target.href);
    } else if ((response.headers.get('content-type') ?? '').startsWith('text/html')) {
      known.set(key, (await addresses(await response.text())).ids);
    } else {
      await response.body?.cancel();
    }
  };
  for (const path of pages()) {
    const html = readFileSync(join(folder, fileOf(path)), 'utf8');
    // The page of errors is shown at any depth, so its addresses are the one kind that names the site's own root.
    if (path === '404.html') continue;
    const {found, ids} = await addresses(html);
    const from = new URL(path, server.url).href;
    known.set(new URL(from).pathname, ids);
    for (const address of found) await check(address, from);
  }
  for (const [from, address, target] of fragments) {
    const ids = known.get(target.pathname);
    if (ids && !ids.includes(decodeURIComponent(target.hash.slice(1)))) broken.push(`${from}: ${address}: no such place on the page`);
  }
  assert.deepEqual(broken, []);
});

test('the page of errors resolves where it is served', async () => {
  const response = await fetch(new URL('no/such/page', url));
  assert.equal(response.status, 404);
  const {found} = await addresses(await response.text());
  const broken = [];
  for (const address of found) {
    const target = new URL(address, response.url);
    if (address.startsWith('#')) continue;
    if (target.origin === new URL(url).origin && !(await fetch(target)).ok) broken.push(address);
  }
  assert.deepEqual(broken, []);
});

test('byte ranges of playlists lie inside their files', async () => {
  for (const {path, config} of all.filter(clip => clip.config.hls)) {
    const master = new URL(config.hls, new URL(path, server.url));
    for (const rung of inside('x.m3u8', await (await fetch(master)).text())) {
      const playlist = new URL(rung, master);
      const text = await (await fetch(playlist)).text();
      const media = new URL(inside('x.m3u8', text)[0], playlist);
      const size = Number((await fetch(media, {method: 'HEAD'})).headers.get('content-length'));
      const ranges = [...text.matchAll(/BYTERANGE[:=]"?(\d+)@(\d+)/g)];
      if (media.pathname.endsWith('.vtt')) assert(size > 0, `${media} is not there`); // captions are one segment, whole
      else assert(ranges.length > 1, `${playlist} has no byte ranges`);
      for (const [range, length, offset] of ranges) {
        assert(Number(offset) + Number(length) <= size, `${playlist}: ${range} is outside of ${size} bytes`);
      }
    }
  }
});

for (const clip of [all.find(({config}) => config.hls), all.find(({config}) => !config.hls)]) {
  test(`plays under another path: ${clip.config.title}`, async () => {
    const {page, done} = await visit(clip.path, {base: server.url});
    const player = new Player(page, clip.index);
    const state = await player.play();
    assert.equal(state.flowplayer, true);
    await done();
  });
}
