// What a page costs and what it asks for before anybody wants to see a film.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import {after, test} from 'node:test';
import {serve} from './lib/server.mjs';
import {Player, clips, close, fileOf, folder, samples, shoot, url, visit} from './lib/site.mjs';

after(close);

const all = await clips();
const isPlayerFile = request => /\/player-[^/]+\//.test(request);
const isMedia = request => /\.(mp4|m4s|m3u8|vtt)(\?|$)/.test(request);
const budget = 8 * 1024;

for (const path of samples()) {
  test(`an idle page: /${path}`, async () => {
    const {page, requests, response, done} = await visit(path);
    await page.waitForLoadState('networkidle');

    const policy = response.headers()['content-security-policy'] ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self'/);
    assert.doesNotMatch(policy, /unsafe|\*/);

    assert.deepEqual(requests.filter(r => isPlayerFile(r) || isMedia(r)), [], 'fetched before anybody asked');
    let weight = 0;
    for (const request of requests.filter(r => /\.(js|css)(\?|$)/.test(r))) {
      weight += gzipSync(await (await page.request.get(request)).body(), {level: 9}).length;
    }
    assert(weight <= budget, `JavaScript and CSS: ${weight} bytes gzip, more than ${budget}`);

    const {shifts} = await done();
    assert.deepEqual(shifts, [], 'the page moved');
  });
}

const hasChapters = ({path}) => readFileSync(join(folder, fileOf(path)), 'utf8').includes('class="chapters"');

for (const [name, find] of [['without', clip => !hasChapters(clip)], ['with', hasChapters]]) {
  test(`a film ${name} chapters stays where it is while its page arrives`, async t => {
    const clip = all.find(find);
    assert(clip, 'the site has none');
    const server = await serve(folder, {trickle: true});
    t.after(server.close);
    for (const width of [360, 1000, 1440]) {
      const {done} = await visit(clip.path, {base: server.url, viewport: {width, height: 800}});
      const {shifts} = await done();
      const sum = shifts.reduce((sum, shift) => sum + parseFloat(shift), 0);
      assert(sum <= .005, `at ${width} the page moved: ${shifts.join('; ')}`); // the menu grows to the left, captions go down
    }
  });
}

test('nothing is wider than the window', async () => {
  const {page, done} = await visit('');
  for (const path of samples()) {
    await page.goto(new URL(path, url).href);
    for (const width of [360, 768, 1440]) {
      await page.setViewportSize({width, height: 900});
      const extra = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert(extra <= 0, `/${path} is ${extra} px too wide at ${width}`);
      await shoot(page, `${width}-${path || 'home'}`);
    }
  }
  await done();
});

test('a word longer than the window is broken', async () => {
  const {page, done} = await visit('');
  for (const path of samples()) {
    await page.goto(new URL(path, url).href);
    await page.evaluate(() => {
      const words = 'Donaudampfschiffahrtsgesellschaftskapitaenspatentverlaengerungsantrag'.repeat(2);
      for (const element of document.querySelectorAll('h1, h2, h3, p, li, a, dt, dd, summary, figcaption')) {
        if (element.childElementCount === 0 && !element.closest('pre, table, .player, .pager')) element.textContent = words;
      }
    });
    for (const width of [320, 768]) {
      await page.setViewportSize({width, height: 900});
      const extra = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert(extra <= 0, `/${path} is ${extra} px too wide at ${width}`);
    }
    await shoot(page, `long-words-${path || 'home'}`);
  }
  await done();
});

test('pointing at a player fetches what it needs, a click plays without fetching it again', async () => {
  const {path, index, config} = all.find(clip => clip.config.hls);
  const {page, requests, done} = await visit(path);
  await page.waitForLoadState('networkidle');
  const before = requests.length;
  const player = new Player(page, index);
  await player.start.hover();
  await page.waitForLoadState('networkidle');
  await page.waitForTimeout(300);
  const warmed = requests.slice(before);
  assert(warmed.some(r => r.endsWith('flowplayer.min.js')) && warmed.some(r => /hls(\.light)?\.min\.js$/.test(r)), 'libraries');
  for (const {url} of config.warm) {
    assert(warmed.includes(new URL(url, page.url()).href), `${url} is not warmed`);
  }
  await player.play();
  const again = requests.slice(before + warmed.length).filter(isPlayerFile).filter(r => !/\.woff2?$/.test(r));
  assert.deepEqual(again, [], 'libraries fetched again');
  await done();
});

test('Save-Data: pointing at a player fetches nothing', async () => {
  const {path, index} = all[0];
  const {page, requests, done} = await visit(path, {prepare: page => page.addInitScript(() =>
    Object.defineProperty(navigator, 'connection', {value: {saveData: true}}))});
  await page.waitForLoadState('networkidle');
  const player = new Player(page, index);
  await player.start.hover();
  await page.waitForTimeout(400);
  assert.deepEqual(requests.filter(isPlayerFile), []);
  await player.play();
  await done();
});

test('notices of the licence can be seen', async () => {
  const {path, index} = all[0];
  const {page, done} = await visit(path);
  const player = new Player(page, index);
  await player.play();
  const logo = player.box.getByRole('link', {name: 'Flowplayer', exact: true});
  assert(await logo.isVisible(), 'the logo');
  const {content, font} = await logo.evaluate(link => {
    const style = getComputedStyle(link, '::before');
    return {content: style.content, font: document.fonts.check(style.font, '\ue010')};
  });
  assert(content !== 'none' && font, 'the logo is empty');
  await player.box.click({button: 'right', position: {x: 60, y: 60}});
  const menu = player.box.locator('.fp-context-menu');
  assert.match(await menu.innerText(), /© 2018 Flowplayer AB[^]*About Flowplayer[^]*GPL based license/i);
  assert(await menu.isVisible(), 'the context menu');
  await shoot(page, 'notices');
  await done();
});
