// A film that MediaConvert encoded: several sizes, and its sound in a group of its own.
//
//   MATINEE_ELSEWHERE   the origin of the clips
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {Player, close, visit} from './lib/site.mjs';

after(close);

const friends = [process.env.MATINEE_ELSEWHERE];

test('the player that knows sound in groups is loaded, and picture and sound play', async () => {
  const {page, done} = await visit('a-walk/', {friends});
  const asked = [];
  page.on('request', request => asked.push(new URL(request.url()).pathname));
  const player = new Player(page);
  await player.play();
  const state = await player.until('sound', s => s.time > 2 && s.audio > 0);
  assert.equal(state.paused, false);
  assert(state.width > 0, 'there is no picture');
  assert(Math.abs(state.duration - 20) < 0.1, `it lasts ${state.duration} s`);
  assert.deepEqual([...state.levels].sort((a, b) => a - b), [426, 854, 1280]);
  assert(asked.some(path => path.endsWith('/hls.min.js')), 'hls.js in full is not loaded');
  assert(!asked.some(path => path.endsWith('/hls.light.min.js')), 'hls.js light is loaded');
  assert(asked.some(path => path.endsWith('.cmfa')), 'the sound is not loaded');
  assert(asked.some(path => path.endsWith('.cmfv')), 'the picture is not loaded');
  await done();
});

test('without JavaScript the film is an MP4', async () => {
  const {page, done} = await visit('a-walk/', {friends, javaScriptEnabled: false});
  const source = await page.locator('video source').first().getAttribute('src');
  assert.match(source, /\/stream\/clip-[0-9a-f]{10}\/film\.mp4$/);
  const answer = await page.request.fetch(source, {headers: {Range: 'bytes=4-7'}});
  assert.equal(answer.status(), 206);
  assert.equal(await answer.text(), 'ftyp');
  assert.equal(answer.headers()['content-type'], 'video/mp4');
  await done();
});
