// Addresses that name a moment, chapters, and several players on one page.
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {Player, clips, close, shoot, visit} from './lib/site.mjs';

after(close);

const all = await clips();
const long = [all.find(({config}) => !config.hls), all.find(({config}) => config.hls)].map(clip =>
  all.filter(({path}) => path === clip.path)[0]); // the first player of the page is the one addresses mean

const half = config => Math.floor(config.duration / 2);

for (const {path, config} of long) {
  const at = half(config);
  for (const suffix of [`?t=${at}`, `?t=0:${String(at).padStart(2, '0')}`, `#t=${at}`]) {
    test(`/${path}${suffix}`, async () => {
      const {page, done} = await visit(path + suffix);
      const player = new Player(page, 0);
      assert.equal((await player.state()).paused, true, 'nobody asked it to play');
      const state = await player.play();
      assert(state.time >= at - 0.3 && state.time < at + 4, `starts at ${state.time}`);
      await done();
    });
  }
}

test('a fragment followed while the film plays', async () => {
  const {path, config} = long[0];
  const {page, done} = await visit(path);
  const player = new Player(page, 0);
  await player.play();
  await page.evaluate(time => { location.hash = 't=' + time; }, half(config));
  await player.until('the moment', s => !s.seeking && s.time >= half(config) - 0.1);
  await done();
});

test('a moment behind the end starts at the beginning', async () => {
  const {page, done} = await visit(long[0].path + '?t=99999');
  const state = await new Player(page, 0).play();
  assert(state.time < 3);
  await done();
});

for (const {path, index, config} of all.filter(clip => clip.config.chapters.length)) {
  test(`chapters: ${config.title} (/${path})`, async () => {
    const {page, done} = await visit(path);
    const player = new Player(page, index);
    const links = page.locator('figure').filter({has: player.box}).locator('.chapters a[data-t]');
    assert.equal(await links.count(), config.chapters.length);

    const last = config.chapters.length - 1, {at} = config.chapters[last];
    await links.nth(last).click();
    let state = await player.until('the chapter plays', s => !s.paused && !s.seeking && s.time > at);
    assert(state.time < at + 4);
    assert.equal(new URL(page.url()).search, '', 'the page was loaded anew');
    await page.waitForFunction(n => document.querySelectorAll('a[data-t]')[n]?.getAttribute('aria-current') === 'true', last);
    assert.equal(await links.and(page.locator('[aria-current]')).count(), 1);

    await links.nth(0).click();
    state = await player.until('the first chapter', s => !s.seeking && s.time < at);
    await page.waitForFunction(() => document.querySelector('a[data-t]').getAttribute('aria-current') === 'true');
    const marks = config.chapters.filter(chapter => chapter.at > 0).length;
    assert.equal(await player.box.locator('.fp-cuepoint').count(), marks, 'marks on the time line');
    await shoot(page, `chapters-${path}${index}`);
    await done();
  });
}

const gallery = all.find(({index}) => index === 1);

test('one plays, the others pause', {skip: !gallery && 'no page has two players'}, async () => {
  const {page, done} = await visit(gallery.path);
  const first = new Player(page, 0), second = new Player(page, 1);
  await first.play();
  await second.play();
  assert.equal((await first.state()).paused, true);
  const {time} = await first.state();
  await first.box.hover();
  await first.box.locator('.fp-controls > .fp-playbtn').click();
  await first.until('it goes on where it was', s => !s.paused && s.time > time);
  assert.equal((await second.state()).paused, true);
  assert.equal((await second.state()).flowplayer, true);
  await done();
});
