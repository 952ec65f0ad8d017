// What the pictures of a gallery cost, that nothing moves, and what moves when it is asked to.
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {violations} from './lib/axe.mjs';
import {Player, clips, close, shoot, visit} from './lib/site.mjs';

after(close);

const isPreview = request => /\/preview\.[^/]+\.mp4/.test(request);
const isPicture = request => /\/posters\//.test(request);
const budget = 250_000; // bytes of pictures, 24 cards, 1440 pixels

// Until the page says so; events come late on a busy machine, but they come.
const eventually = (page, what, condition, argument) =>
  page.waitForFunction(condition, argument, {timeout: 30000}).catch(() => assert.fail(`waited in vain for: ${what}`));

test('24 cards at 1440 pixels', async () => {
  const sizes = new Map();
  const {page, requests, done} = await visit('', {viewport: {width: 1440, height: 900}, prepare: page => {
    page.on('response', async response => {
      if (isPicture(response.url())) sizes.set(response.url(), (await response.body().catch(() => '')).length);
    });
    return page.addInitScript(() => {
      window.paints = [];
      new PerformanceObserver(list => window.paints.push(...list.getEntries().map(({element}) => ({
        first: element === document.querySelector('.card picture img'), lazy: element?.loading === 'lazy', priority: element?.fetchPriority,
      })))).observe({type: 'largest-contentful-paint', buffered: true});
    });
  }});
  await eventually(page, 'the first picture is painted', () => window.paints.length > 0);
  assert.deepEqual((await page.evaluate(() => window.paints)).at(-1), {first: true, lazy: false, priority: 'high'}, 'the largest paint');
  const eager = await page.locator('.card picture img:not([loading=lazy])').count();
  assert.equal(eager, 1, 'pictures that are not lazy');
  await shoot(page, 'gallery-top');

  const pictures = page.locator('.card picture img');
  assert.equal(await pictures.count(), 24);
  for (const picture of await pictures.all()) {
    await picture.scrollIntoViewIfNeeded();
    await picture.evaluate(img => img.decode());
  }
  await shoot(page, 'gallery-bottom');
  await page.waitForLoadState('networkidle');
  assert.equal(sizes.size, 24, 'each card fetches one picture');
  assert([...sizes.keys()].every(name => name.endsWith('.avif')), 'all are AVIF');
  const weight = [...sizes.values()].reduce((sum, size) => sum + size);
  console.log(`24 cards at 1440 px: ${weight} bytes of AVIF`);
  assert(weight > 24_000 && weight <= budget, `pictures weigh ${weight} bytes`);
  const hints = await page.locator('.still > img').evaluateAll(all => all.map(img => img.outerHTML.length));
  assert(hints.length === 24 && Math.max(...hints) <= 420, `placeholders have up to ${Math.max(...hints)} bytes`);
  assert.deepEqual(requests.filter(isPreview), [], 'nobody pointed at a card');
  const {shifts} = await done();
  assert.deepEqual(shifts, [], 'the page moved');
});

test('sizes suit the window', async () => {
  for (const [width, deviceScaleFactor] of [[360, 1], [768, 1], [1440, 1], [390, 3]]) {
    const {page, done} = await visit('', {viewport: {width, height: 900}, deviceScaleFactor});
    for (const n of [0, 1]) {
      const picture = page.locator('.card picture img').nth(n);
      await picture.scrollIntoViewIfNeeded();
      await picture.evaluate(img => img.decode());
      const {shown, had} = await picture.evaluate(img => ({shown: img.getBoundingClientRect().width * devicePixelRatio, had: +/(\d+)\.avif/.exec(img.currentSrc)[1]}));
      const widths = [320, 640, 960, 1280], fits = widths.find(w => w >= shown * .9) ?? 1280;
      assert(had >= shown * .9 || had === 1280, `card ${n} at ${width}: ${had} for ${shown}`);
      assert(had <= (widths[widths.indexOf(fits) + 1] ?? 1280), `card ${n} at ${width}: ${had} for ${shown}`);
    }
    await shoot(page, `gallery-${width}`);
    const {shifts} = await done();
    assert.deepEqual(shifts, [], `the page moved at ${width}`);
  }
});

test('a card plays while it is pointed at, and while it has the focus', async () => {
  const {page, requests, done} = await visit('');
  await page.waitForLoadState('networkidle');
  assert.deepEqual(requests.filter(isPreview), []);
  const card = page.locator('.card').nth(1);
  const plays = () => eventually(page, 'the preview plays', () => document.querySelector('.card video')?.currentTime > 0);
  const gone = () => eventually(page, 'the preview is gone', () => !document.querySelector('video'));

  await card.hover();
  await plays();
  const film = card.locator('video');
  assert.deepEqual(await film.evaluate(v => [v.muted, v.loop, v.controls, v.getAttribute('aria-hidden'), v.videoWidth]), [true, true, false, 'true', 320]);
  assert(await card.locator('.badge').evaluate(badge => {
    const {x, y, width, height} = badge.getBoundingClientRect();
    return badge.contains(document.elementsFromPoint(x + width / 2, y + height / 2).find(e => e.closest('.still')));
  }), 'the length stays readable');
  assert.deepEqual(await violations(page), [], 'axe, while a card plays');
  await shoot(page, 'card-moving');
  await page.mouse.move(1, 1);
  await gone();

  await card.locator('h2 a').focus();
  await page.keyboard.press('Shift+Tab'); // so that the focus is one to be seen
  await page.keyboard.press('Tab');
  await plays();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await eventually(page, 'the preview of the card is gone', () => !document.querySelectorAll('.card')[1].querySelector('video'));
  const {shifts} = await done();
  assert.deepEqual(shifts, []);
});

for (const [who, options] of [
  ['who asks for less motion', {reducedMotion: 'reduce'}],
  ['who saves data', {prepare: page => page.addInitScript(() => Object.defineProperty(navigator, 'connection', {value: {saveData: true}}))}],
]) {
  test(`cards keep still for somebody ${who}`, async () => {
    const {page, requests, done} = await visit('', options);
    await page.waitForLoadState('networkidle');
    await page.locator('.card').nth(1).hover();
    // Longer than the card waits; a preview would be there.
    await page.evaluate(() => new Promise(passed => setTimeout(passed, 400)));
    assert.equal(await page.locator('video').count(), 0);
    assert.deepEqual(requests.filter(isPreview), []);
    await done();
  });
}

test('the time line shows where a click leads', async () => {
  const [{path, index, config}] = await clips();
  const {page, requests, done} = await visit(path);
  await page.waitForLoadState('networkidle');
  assert.deepEqual(requests.filter(r => /storyboard|\/seek\./.test(r)), [], 'fetched before anybody asked');
  const player = new Player(page, index);
  await player.play();
  await eventually(page, 'the preview is made', () => document.querySelector('.seek-preview'));
  assert.deepEqual(requests.filter(r => /storyboard/.test(r)), [], 'fetched before anybody pointed');

  const line = player.box.locator('.fp-timeline'), view = player.box.locator('.seek-preview');
  const seen = at => eventually(page, `a picture of second ${at}`, at => {
    const view = document.querySelector('.seek-preview');
    return view.style.display === 'block' && view.style.backgroundSize && Math.abs(view.dataset.at - at) < 2.01;
  }, at);
  await player.box.hover();
  const {width} = await line.boundingBox();
  for (const share of [.1, .5, .98]) {
    await line.hover({position: {x: width * share, y: 2}, force: true});
    await seen(share * config.duration);
    const [box, stage, bar] = [await view.boundingBox(), await player.box.boundingBox(), await line.boundingBox()];
    assert(box.x >= stage.x && box.x + box.width <= stage.x + stage.width && box.y >= stage.y && box.y + box.height <= bar.y, 'stands above the line, inside the player');
    await shoot(page, `seek-${share * 100}`);
  }
  await page.mouse.move(2, 2);
  await eventually(page, 'the preview is hidden', () => document.querySelector('.seek-preview').style.display === 'none');

  await player.box.locator('.fp-controls > .fp-playbtn').focus();
  while (!await line.evaluate(line => line === document.activeElement)) await page.keyboard.press('Tab');
  await page.keyboard.press('Home');
  await seen(0);
  await page.keyboard.press('5');
  await seen(config.duration / 2);
  assert.deepEqual(await violations(page), [], 'axe, with the preview');
  await page.keyboard.press('Tab');
  await eventually(page, 'the preview is hidden', () => document.querySelector('.seek-preview').style.display === 'none');
  await done();
});

test('a finger on the time line sees it too', async () => {
  const [{path, index, config}] = await clips();
  const {page, done} = await visit(path, {hasTouch: true});
  const player = new Player(page, index);
  await player.play();
  await eventually(page, 'the preview is made', () => document.querySelector('.seek-preview'));
  const line = player.box.locator('.fp-timeline');
  const touch = (type, share) => line.evaluate((line, {type, share}) => {
    const {left, top, width} = line.getBoundingClientRect();
    const touch = new Touch({identifier: 1, target: line, clientX: left + width * share, clientY: top, pageX: left + width * share, pageY: top});
    line.dispatchEvent(new TouchEvent(type, {touches: type === 'touchend' ? [] : [touch], changedTouches: [touch], bubbles: true, cancelable: true}));
  }, {type, share});
  await touch('touchstart', .2);
  await touch('touchmove', .5);
  await eventually(page, 'the picture under the finger', at => Math.abs(document.querySelector('.seek-preview').dataset.at - at) < 2.01, config.duration / 2);
  await touch('touchend', .5);
  await eventually(page, 'the preview is hidden', () => document.querySelector('.seek-preview').style.display === 'none');
  await done();
});
