// Every clip of the site plays in the player it is meant for.
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {Player, clips, close, shoot, visit} from './lib/site.mjs';

after(close);

const all = await clips();

for (const {path, index, config, sound} of all) {
  test(`plays: ${config.title} (/${path}, player ${index + 1})`, async () => {
    const {page, done} = await visit(path);
    const player = new Player(page, index);

    let state = await player.play();
    assert.equal(state.engine, config.hls ? 'hlsjs-lite' : 'html5');
    if (config.width) await player.until('a picture', s => s.width > 0);
    if (sound) await player.until('sound', s => s.audio > 0);
    await player.until('the clock runs', s => s.time > state.time || s.ended);
    await shoot(page, `playing-${path}${index}`);

    const timeline = await player.box.locator('.fp-timeline').boundingBox();
    await page.mouse.click(timeline.x + timeline.width * 0.9, timeline.y + timeline.height / 2);
    state = await player.until('90 %', s => !s.seeking && s.time > 0.88 * config.duration);
    await player.until('the clock runs after the seek', s => s.time > state.time || s.ended);
    assert.equal((await player.state()).failed, false);

    const {shifts, hlsErrors} = await done();
    assert.deepEqual(hlsErrors, [], 'errors of hls.js');
    // The bar that shows what is loaded grows by pixels; a page that moves does so by hundredths of the window.
    assert.deepEqual(shifts.filter(shift => parseFloat(shift) > 0.001), [], 'the page moved');
  });
}

test('there are clips with captions, chapters, and several renditions', () => {
  assert(all.some(({config}) => config.captions.length), 'captions');
  assert(all.some(({config}) => config.chapters.length), 'chapters');
  assert(all.some(({levels}) => levels > 1), 'renditions');
  assert(all.some(({config}) => !config.hls), 'a single rendition');
});

for (const {path, index, config} of all.filter(clip => clip.config.captions.length)) {
  test(`captions: ${config.title} (/${path})`, async () => {
    const {page, done} = await visit(path);
    const player = new Player(page, index);
    await player.play();
    assert.equal((await player.state()).captions, '', 'captions nobody asked for');

    for (const [item, track] of config.captions.entries()) {
      const text = await (await page.request.get(new URL(track.src, page.url()).href)).text();
      const cue = /(?:(\d+):)?(\d+):(\d+\.\d+) --> .*\n(.+)/.exec(text);
      await player.choose('.fp-cc', item + 1);
      await player.seek((cue[1] ?? 0) * 3600 + cue[2] * 60 + Number(cue[3]) + 0.2);
      const words = cue[4].replace(/<[^>]*>/g, '').replace(/&\w+;.*/, '').trim();
      await player.until(`“${words}”`, s => s.captions.startsWith(words));
    }
    await shoot(page, `captions-${path}${index}`);
    await player.choose('.fp-cc', 0);
    await player.until('no captions', s => s.captions === '');
    await done();
  });
}

for (const {path, index, config} of all.filter(clip => clip.levels > 1)) {
  test(`quality goes up and down: ${config.title} (/${path})`, async () => {
    const {page, done} = await visit(path);
    const player = new Player(page, index);
    const segments = [];
    page.on('request', request => {
      if (request.resourceType() === 'xhr' && request.url().endsWith('.mp4')) segments.push(request.url());
    });
    const {levels} = await player.play();
    assert.equal(segments[0], new URL(config.warm.at(-1).url, page.url()).href, 'starts with the lowest rung, which was warmed');

    const top = levels.length - 1;
    for (const level of [top, 0, top]) {
      await player.seek(0);
      await player.choose('.fp-qsel', level + 1); // the first item is "Auto"
      const state = await player.until(`a width of ${levels[level]}`, s => s.width === levels[level], 20000);
      await player.until('the clock runs', s => s.time > state.time || s.ended);
    }
    await shoot(page, `quality-${path}${index}`);

    await done();
  });
}

test('quality goes up when a slow line has loaded the whole film', async () => {
  const {path, index} = all.find(clip => clip.levels > 1);
  const {page, context, done} = await visit(path);
  const client = await context.newCDPSession(page);
  await client.send('Network.enable');
  const line = bitsPerSecond => client.send('Network.emulateNetworkConditions', {
    offline: false, latency: 0, downloadThroughput: bitsPerSecond / 8, uploadThroughput: -1,
  });
  const player = new Player(page, index);
  await player.start.hover();
  await page.waitForLoadState('networkidle');
  await line(250e3);
  const {levels} = await player.play();
  await player.choose('.fp-qsel', 1);
  await player.until('the lowest rung, loaded to the end', s => s.width === levels[0] && s.loaded > s.duration - 0.1, 60000);
  await player.choose('.fp-qsel', levels.length);
  await line(-1);
  await player.seek(0);
  await player.until('the highest rung', s => s.width === levels.at(-1));
  await done();
});

test('by touch', async () => {
  const {path, index} = all.find(clip => clip.levels > 1);
  const {page, done} = await visit(path, {hasTouch: true, isMobile: true, viewport: {width: 390, height: 800}});
  const player = new Player(page, index);
  await player.start.tap();
  await player.playing();
  await player.box.tap(); // shows the controls
  await shoot(page, 'touch');
  await player.box.locator('.fp-controls > .fp-playbtn').tap();
  await player.until('pause', s => s.paused);
  await done();
});
