// Whatever is missing, the film plays.
import assert from 'node:assert/strict';
import {pathToFileURL} from 'node:url';
import {join} from 'node:path';
import {after, test} from 'node:test';
import {Player, clips, close, fileOf, folder, shoot, visit} from './lib/site.mjs';

after(close);

const all = await clips();
const single = all.find(({config}) => !config.hls), several = all.find(({levels}) => levels > 1);
const blocked = problem => /ERR_FAILED|ERR_BLOCKED|ERR_FILE|net::|Failed to load resource/.test(problem);

for (const {path, index, config} of all) {
  test(`without JavaScript: ${config.title} (/${path})`, async () => {
    const {page, context, done} = await visit(path, {javaScriptEnabled: false});
    const video = page.locator('[data-player] video').nth(index);
    assert.equal(await page.locator('.player-start').count(), 0);
    // Scripts of the page are off; the debugger's are not.
    const client = await context.newCDPSession(page);
    await client.send('Runtime.evaluate', {
      expression: `document.querySelectorAll('[data-player] video')[${index}].play()`, userGesture: true,
    });
    const deadline = Date.now() + 10000;
    let state;
    do {
      await new Promise(wait => setTimeout(wait, 50));
      const {result} = await client.send('Runtime.evaluate', {
        expression: `(v => ({time: v.currentTime, controls: v.controls, source: v.currentSrc}))(document.querySelectorAll('[data-player] video')[${index}])`,
        returnByValue: true,
      });
      state = result.value;
    } while (state.time < 0.2 && Date.now() < deadline);
    assert(state.time >= 0.2, 'does not play');
    assert(state.controls, 'has no controls');
    assert.equal(state.source, new URL(config.mp4, page.url()).href);
    assert(await video.isVisible());
    await done();
  });
}

for (const [what, pattern] of [['flowplayer.min.js', '**/flowplayer.min.js'], ['the skin', '**/skin.css'], ['every player file', '**/player-*/**']]) {
  test(`${what} cannot be loaded`, async () => {
    const {page, done} = await visit(several.path, {tolerate: blocked, prepare: page => page.route(pattern, route => route.abort())});
    const player = new Player(page, several.index);
    await player.start.click();
    const state = await player.playing();
    assert.equal(state.flowplayer, false);
    assert.equal(state.controls, true);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'VIDEO', 'the focus');
    await shoot(page, `blocked-${what}`);
    await done();
  });
}

test('hls.js cannot be loaded', async () => {
  const {page, done} = await visit(several.path, {tolerate: blocked, prepare: page => page.route('**/hls*.js', route => route.abort())});
  const player = new Player(page, several.index);
  await player.start.click();
  assert.equal((await player.playing()).controls, true);
  await done();
});

test('the master playlist is gone', async () => {
  const {page, done} = await visit(several.path, {tolerate: blocked, prepare: page => page.route('**/master.m3u8', route => route.fulfill({status: 404}))});
  const player = new Player(page, several.index);
  await player.start.click();
  assert.equal((await player.playing()).controls, true);
  await done();
});

test('segments fail in the middle of the film', async () => {
  let media = 0;
  // hls.js asks by XMLHttpRequest, <video> by itself: after the init and the first media segment, only the first kind fails.
  const prepare = page => page.route('**/stream/**/*.mp4', route =>
    route.request().resourceType() === 'xhr' && ++media > 2 ? route.fulfill({status: 503}) : route.continue());
  const {page, done} = await visit(several.path, {tolerate: blocked, prepare});
  const player = new Player(page, several.index);
  await player.play();
  const {time} = await player.state();
  const state = await player.until('the browser plays on', s => s.controls && !s.paused && s.time > time, 60000);
  assert.equal(state.flowplayer, false);
  await done();
});

test('a rendition is damaged', async () => {
  // The top one: every frame of it is zero, under a sound header.
  const top = new URL(several.config.mp4, 'http://host/').pathname.split('/').pop();
  const prepare = page => page.route('**/stream/**/' + top, async route => {
    const response = await route.fetch();
    const body = await response.body();
    if (route.request().resourceType() === 'xhr' && body.length > 20000) body.fill(0, 8000);
    await route.fulfill({response, body});
  });
  const {page, done} = await visit(several.path, {tolerate: blocked, prepare});
  const player = new Player(page, several.index);
  await player.play();
  await player.until('the film plays on', s => s.ended || s.time > several.config.duration * 0.8, 40000);
  await done();
});

test('captions that cannot be loaded do not stop the film', async () => {
  const {path, index} = all.find(({config}) => config.captions.length);
  const {page, done} = await visit(path, {tolerate: blocked, prepare: page => page.route('**/*.vtt', route => route.fulfill({status: 404}))});
  const player = new Player(page, index);
  await player.play();
  await player.choose('.fp-cc', 1);
  const {time} = await player.state();
  const state = await player.until('the film goes on', s => s.time > time + 0.5);
  assert.equal(state.flowplayer, true);
  assert.equal(state.failed, false);
  await done();
});

for (const clip of [single, several]) {
  test(`opened as a file: ${clip.config.title}`, async () => {
    const base = pathToFileURL(join(folder, '/')).href;
    const {page, context} = await visit(fileOf(clip.path), {base});
    const player = new Player(page, clip.index);
    await player.start.click();
    await player.playing();
    await context.close();
  });
}
