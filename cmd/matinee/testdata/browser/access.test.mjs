// axe-core finds nothing to complain about, idle and playing, light and dark.
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {violations} from './lib/axe.mjs';
import {Player, clips, close, samples, shoot, visit} from './lib/site.mjs';

after(close);

const all = await clips();
// One clip of every kind of player is enough: the controls are the same, the pages around them were looked at idle.
const kinds = [...new Map(all.map(clip => {
  const {hls, captions, chapters, width} = clip.config;
  return [[Boolean(hls), captions.length > 0, chapters.length > 0, width > 0].join(), clip];
})).values()];

for (const path of samples()) {
  test(`idle: /${path}`, async () => {
    const {page, done} = await visit(path);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({colorScheme});
      assert.deepEqual(await violations(page), [], colorScheme);
      await shoot(page, `${colorScheme}-${path || 'home'}`);
    }
    await done();
  });
}

for (const {path, index, config} of kinds) {
  test(`playing: ${config.title} (/${path})`, async () => {
    const {page, done} = await visit(path);
    const player = new Player(page, index);
    await player.play();
    assert.deepEqual(await violations(page), [], 'playing');
    await page.emulateMedia({colorScheme: 'dark'});
    assert.deepEqual(await violations(page), [], 'playing, dark');
    for (const button of ['.fp-cc:not(.fp-hidden)', '.fp-qsel']) {
      if (!await player.box.locator(button).count()) continue;
      await player.box.hover();
      await player.box.locator(button).click();
      assert.deepEqual(await violations(page), [], `menu ${button}`);
      await player.box.locator('.fp-menu.fp-active a').first().click();
    }
    await player.seek(0);
    await player.until('the beginning', s => !s.seeking && s.time > 0.1); // Flowplayer takes no orders while it seeks
    await player.box.locator('.fp-controls > .fp-playbtn').click();
    await player.until('pause', s => s.paused);
    assert.deepEqual(await violations(page), [], 'paused');
    await done();
  });
}

test('the browser\'s own player in its place', async () => {
  const {path, index} = all[0];
  const {page, done} = await visit(path, {
    tolerate: problem => problem.includes('ERR_FAILED'),
    prepare: page => page.route('**/flowplayer.min.js', route => route.abort()),
  });
  const player = new Player(page, index);
  await player.start.click();
  await player.playing();
  assert.deepEqual(await violations(page), []);
  await done();
});
