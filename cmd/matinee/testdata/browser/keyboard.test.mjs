// Somebody without a mouse can do everything.
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {Player, clips, close, shoot, visit} from './lib/site.mjs';

after(close);

const all = await clips();
const hands = page => (key, times = 1) =>
  Array.from({length: times}).reduce(done => done.then(() => page.keyboard.press(key)), Promise.resolve());

const several = all.find(({levels}) => levels > 1), captioned = all.find(({config}) => config.captions.length);

// Presses key until what has the focus answers to name, as its accessible name begins.
async function tabTo(page, name, key = 'Tab') {
  const passed = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press(key);
    const label = await page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText ?? '');
    if (label.startsWith(name)) return;
    passed.push(label.slice(0, 30));
  }
  assert.fail(`no ${name} in the tab order: ${passed.join(' | ')}`);
}

const focused = page => page.evaluate(() => document.activeElement.getAttribute('aria-label'));

test(`keyboard only: ${several.config.title} (/${several.path})`, async t => {
  const {page, done} = await visit(several.path);
  const player = new Player(page, several.index);
  const press = hands(page);

  await t.test('play and pause', async () => {
    await tabTo(page, 'Play: ' + several.config.title);
    await press('Enter');
    await player.playing();
    assert.equal(await focused(page), 'Pause', 'the focus is on the control that took over');
    await press(' ');
    await player.until('pause', s => s.paused);
    assert.equal(await focused(page), 'Play');
    await press('Enter');
    await player.until('play', s => !s.paused);
    await press('k');
    await player.until('pause', s => s.paused);
  });

  await t.test('controls can be seen while they have the focus', async () => {
    await press('k');
    await player.playing();
    await page.mouse.move(1, 1);
    await page.waitForTimeout(300);
    const opacity = await player.box.locator('.fp-controls').evaluate(element => getComputedStyle(element).opacity);
    assert.equal(opacity, '1');
    await shoot(page, 'keyboard-controls');
    await press('k');
    await player.until('pause', s => s.paused);
  });

  await t.test('seek', async () => {
    await tabTo(page, 'Seek');
    await press('Home');
    await player.until('the start', s => !s.seeking && s.time < 0.1);
    await press('ArrowRight');
    await player.until('5 s', s => !s.seeking && Math.abs(s.time - 5) < 0.2);
    const slider = () => page.evaluate(() => document.activeElement.getAttribute('aria-valuetext'));
    await player.until('the slider says so', () => true);
    assert.match(await slider(), /^0:05 of /);
    await press('ArrowDown');
    await player.until('0 s', s => !s.seeking && s.time < 0.2);
    await press('5');
    await player.until('half', s => !s.seeking && Math.abs(s.time - s.duration / 2) < 0.3);
    await press('End');
    await player.until('the end', s => !s.seeking && s.time > s.duration - 1);
    await press('Home');
    await player.until('the start', s => !s.seeking && s.time < 0.1);
  });

  await t.test('volume', async () => {
    await tabTo(page, 'Volume');
    const {volume} = await player.state();
    await press('ArrowDown', 3);
    await player.until('softer', s => s.volume < volume - 0.25);
    await press('ArrowRight');
    await player.until('louder', s => s.volume > volume - 0.25);
    assert.match(await page.evaluate(() => document.activeElement.getAttribute('aria-valuenow')), /^\d+$/);
    await press('m');
    await player.until('mute', s => s.muted);
    await tabTo(page, 'Unmute', 'Shift+Tab');
    await press('Enter');
    await player.until('sound', s => !s.muted);
  });

  await t.test('quality', async () => {
    await tabTo(page, 'HD');
    await press('Enter');
    await press('End');
    await press('Enter');
    await press('Home');
    await press('k');
    const {levels} = await player.state();
    await player.until('the highest rung', s => s.width === levels.at(-1), 20000);
    await press(' ');
    await press('ArrowDown', 1);
    await press('Enter');
  });

  await t.test('full screen', async () => {
    await tabTo(page, 'Full screen', 'Shift+Tab');
    await press('Enter');
    await page.waitForFunction(() => document.fullscreenElement);
    await page.waitForFunction(() => document.activeElement.getAttribute('aria-label') === 'Leave full screen');
    await shoot(page, 'keyboard-full-screen');
    await press('f');
    await page.waitForFunction(() => !document.fullscreenElement);
  });

  await t.test('keys do nothing outside the player', async () => {
    await player.until('a state', () => true);
    await page.evaluate(() => document.activeElement.blur());
    const before = await player.state();
    await press('m');
    await press('ArrowDown');
    await page.waitForTimeout(200);
    const after = await player.state();
    assert.deepEqual([after.muted, after.volume], [before.muted, before.volume]);
  });
  await done();
});

test(`captions by keyboard: ${captioned.config.title} (/${captioned.path})`, async () => {
  const {page, done} = await visit(captioned.path);
  const player = new Player(page, captioned.index);
  const press = hands(page);
  await tabTo(page, 'Play: ' + captioned.config.title);
  await press(' ');
  await player.playing();
  await press('k');
  await tabTo(page, 'CC');
  await press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-checked')), 'true', 'opens on what is chosen');
  await press('ArrowDown');
  assert.equal(await page.evaluate(() => document.activeElement.innerText), captioned.config.captions[0].label);
  await shoot(page, 'keyboard-captions');
  await press('Enter');
  assert.match(await focused(page), /^CC/);
  await press('k');
  await player.until('a caption', s => s.captions !== '');
  await press('k');
  await press('c');
  await player.until('no caption', s => s.captions === '');
  await press('ArrowUp');
  await press('Escape');
  assert.match(await focused(page), /^CC/, 'Escape closes the menu');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-expanded')), 'false');
  await done();
});
