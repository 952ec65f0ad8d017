// What is said: transcripts, captions that the page and the stream both offer, and a stream of another host.
//
//   MATINEE_ELSEWHERE   the origin of the other host
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {after, test} from 'node:test';
import {Player, close, shoot, visit} from './lib/site.mjs';

after(close);

const elsewhere = process.env.MATINEE_ELSEWHERE;
const axe = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

test('a line of the transcript seeks in place, and the line being said is marked', async () => {
  const {page, done} = await visit('talk/');
  const player = new Player(page);
  const transcript = page.locator('.transcript'), lines = transcript.locator('a');
  assert.equal(await lines.first().isVisible(), false, 'open before anybody asked');
  await transcript.locator('summary').click();
  const count = await lines.count();
  assert(count > 2);

  const last = lines.nth(count - 1), at = Number(await last.getAttribute('data-t'));
  await last.click();
  const state = await player.until('the line plays', s => !s.paused && !s.seeking && s.time > at);
  assert(state.time < at + 4, `plays at ${state.time}, not ${at}`);
  assert.equal(new URL(page.url()).search, '', 'the page was loaded anew');
  await page.waitForFunction(n => document.querySelectorAll('.transcript a')[n].getAttribute('aria-current') === 'true', count - 1);
  for (const list of ['.transcript', '.chapters']) {
    assert.equal(await page.locator(`${list} [aria-current]`).count(), 1, `marks in ${list}`);
  }

  await lines.first().click();
  await player.until('the first line', s => !s.seeking && s.time < at);
  await page.waitForFunction(() => document.querySelector('.transcript a').getAttribute('aria-current') === 'true');
  await done();
});

test('a line of the transcript is a link without JavaScript', async () => {
  const {page, done} = await visit('talk/', {javaScriptEnabled: false});
  await page.locator('summary').click();
  const line = page.locator('.transcript a').last(), at = await line.getAttribute('data-t');
  await line.click();
  await page.waitForURL(`**/talk/?t=${at}#clip-1`);
  assert(await page.locator('#clip-1 video').isVisible());
  await done();
});

test('an address with the moment of a line starts there', async () => {
  const {page, done} = await visit('talk/');
  const address = await page.locator('.transcript a').last().getAttribute('href');
  const at = Number(new URLSearchParams(address.split('#')[0]).get('t'));
  await page.goto(new URL(address, page.url()).href);
  const state = await new Player(page).play();
  assert(state.time >= at - 0.3 && state.time < at + 4, `starts at ${state.time}, not ${at}`);
  await done();
});

test('an open transcript is accessible and fits, on telephones and desks', async () => {
  for (const path of ['talk/', 'voices/']) {
    const {page, done} = await visit(path);
    await page.locator('summary').click();
    await page.evaluate(axe);
    for (const width of [360, 1440]) {
      await page.setViewportSize({width, height: width === 360 ? 740 : 900});
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({colorScheme});
        const found = await page.evaluate(() => window.axe.run(document, {rules: {'target-size': {enabled: true}}}));
        assert.deepEqual(found.violations.map(({id, nodes}) => `${id}: ${nodes[0].html.slice(0, 200)}`), [], `${width} ${colorScheme}`);
        await page.locator('.transcript').scrollIntoViewIfNeeded();
        await shoot(page, `transcript-${path}-${width}-${colorScheme}`);
      }
      const extra = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert(extra <= 0, `${extra} px too wide at ${width}`);
    }
    await done();
  }
});

// hls.js light knows no subtitles; the full one makes text tracks of the stream's.
for (const [path, library] of [['ladder/', 'hls.light.min.js'], ['voices/', 'hls.min.js']]) {
  test(`captions are shown once: ${library}`, async () => {
    const {page, requests, done} = await visit(path);
    const player = new Player(page);
    const config = JSON.parse(await player.box.locator('script').textContent());
    assert.match(config.hls, /master\.[0-9a-f]{8}\.m3u8$/, 'the master with captions');
    await player.play();
    assert(requests.some(r => r.endsWith(library)), library);

    const tracks = () => player.box.locator('.fp-engine').evaluate(video => [...video.textTracks].map(({kind, label, mode}) => `${kind} ${label} ${mode}`));
    const showing = async () => (await tracks()).filter(track => track.endsWith(' showing'));
    assert.deepEqual(await showing(), [], 'captions nobody asked for');
    await player.choose('.fp-cc', 1);
    await player.seek(1);
    await player.until('a caption', s => s.captions !== '');
    assert.deepEqual(await showing(), [], 'captions from the stream, beside those of the page');
    assert.deepEqual(requests.filter(r => /captions\..*\.m3u8$/.test(r)), [], 'the captions of the stream were fetched');
    await shoot(page, `captions-once-${path}`);
    await done();
  });
}

test('a stream of another host plays', async () => {
  const {page, requests, response, done} = await visit('elsewhere/', {friends: [elsewhere]});
  for (const directive of ['media-src', 'connect-src']) {
    assert.match(response.headers()['content-security-policy'], new RegExp(`${directive} [^;]*${elsewhere}`), directive);
  }
  await page.waitForLoadState('networkidle');
  assert.deepEqual(requests.filter(r => r.startsWith(elsewhere)), [], 'fetched before anybody asked');
  assert.equal(await page.locator('a[download]').count(), 0, 'a download of nothing');
  assert.equal(await page.locator('.player-start').getAttribute('aria-label'), 'Play: Elsewhere');
  const player = new Player(page);
  const state = await player.play();
  assert.equal(state.engine, 'hlsjs-lite');
  assert(requests.some(r => r.endsWith('hls.min.js')), 'the library that plays everything');
  assert(requests.some(r => r.startsWith(elsewhere) && r.endsWith('.mp4')), 'its segments');

  await page.locator('summary').click();
  const line = page.locator('.transcript a').nth(2), at = Number(await line.getAttribute('data-t'));
  await line.click();
  await player.until('the line plays', s => !s.paused && !s.seeking && s.time > at && s.time < at + 4);
  await page.goto(new URL('?t=5', page.url()).href); // its length is not known to the page
  const later = await new Player(page).play();
  assert(later.time >= 4.7 && later.time < 9, `starts at ${later.time}`);
  await done();
});
