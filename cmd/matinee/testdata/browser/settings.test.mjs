// Settings of site.yaml and of posts that the demo site leaves alone: each page is served with them changed.
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {Player, clips, close, visit} from './lib/site.mjs';

after(close);

const all = await clips();
const first = all.find(({index}) => index === 0);

// Changes the settings of every player of the page.
const set = settings => page => page.route(address => address.pathname === '/' + first.path, async route => {
  const response = await route.fetch();
  const body = (await response.text()).replace(/(<script type="?application\/json"?>)(.*?)(<\/script>)/gs,
    (match, open, json, close) => open + JSON.stringify({...JSON.parse(json), ...settings}).replace(/</g, '\\u003c') + close);
  await route.fulfill({response, body});
});

test('built without the player: the browser\'s own behind the same facade', async () => {
  const {page, requests, done} = await visit(first.path, {prepare: set({lib: ''})});
  const player = new Player(page, 0);
  await player.start.hover();
  await page.waitForTimeout(300);
  assert.deepEqual(requests.filter(r => /player-|\.mp4/.test(r)), []);
  await player.start.click();
  const state = await player.playing();
  assert.deepEqual([state.flowplayer, state.controls], [false, true]);
  await done();
});

test('autoplay: at once and silent, with a button to stop it', async () => {
  const {page, done} = await visit(first.path, {prepare: set({autoplay: true})});
  const player = new Player(page, 0);
  const state = await player.playing();
  assert.deepEqual([state.flowplayer, state.muted], [true, true]);
  assert.equal(await page.evaluate(() => document.activeElement === document.body), true, 'the focus was taken');
  await player.box.hover();
  await player.box.getByRole('button', {name: 'Unmute'}).click();
  await player.until('sound', s => !s.muted);
  await player.box.getByRole('button', {name: 'Pause'}).click();
  await player.until('pause', s => s.paused);
  await done();
});

test('autoplay, for somebody who asked for stillness: not', async () => {
  const {page, done} = await visit(first.path, {prepare: set({autoplay: true}), reducedMotion: 'reduce'});
  const player = new Player(page, 0);
  await page.waitForTimeout(500);
  assert.equal((await player.state()).flowplayer, false);
  await player.play();
  await done();
});

test('muted', async () => {
  const {page, done} = await visit(first.path, {prepare: set({muted: true})});
  assert.equal((await new Player(page, 0).play()).muted, true);
  await done();
});

test('start', async () => {
  const {page, done} = await visit(first.path, {prepare: set({start: 5})});
  const {time} = await new Player(page, 0).play();
  assert(time >= 5 && time < 9, `starts at ${time}`);
  await done();
});

test('loop', async () => {
  const {page, done} = await visit(first.path, {prepare: set({loop: true})});
  const player = new Player(page, 0);
  await player.play();
  await player.seek(first.config.duration - 0.5);
  await player.until('the end is near', s => s.time > first.config.duration - 0.6);
  await player.until('the beginning again', s => !s.paused && s.time > 0 && s.time < first.config.duration - 1);
  await done();
});
