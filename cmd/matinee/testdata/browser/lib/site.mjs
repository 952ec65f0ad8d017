// What every test file needs: the built site, a browser, and hands to work a player with.
//
//   MATINEE_URL      where matinee serves the site, with a slash at the end
//   MATINEE_PUBLIC   the folder it was built into
//   MATINEE_SHOTS    a folder for screenshots; none are made without it
import assert from 'node:assert/strict';
import {mkdirSync, readFileSync, readdirSync} from 'node:fs';
import {join, sep} from 'node:path';
import {browser, close} from './browser.mjs';

export {browser, close};

export const url = process.env.MATINEE_URL;
export const folder = process.env.MATINEE_PUBLIC;
const shots = process.env.MATINEE_SHOTS;

assert(url && folder, 'MATINEE_URL and MATINEE_PUBLIC say what to test; run: go test ./cmd/matinee -run Browser');

// Paths of the site's pages: "", "a-walk/", "404.html".
export function pages() {
  return readdirSync(folder, {recursive: true})
    .map(name => name.split(sep).join('/'))
    .filter(name => name.endsWith('.html'))
    .map(name => name.replace(/(^|\/)index\.html$/, '$1'))
    .sort();
}

// The same without the third and further pages of a kind that are lists made from one template.
export function samples() {
  const seen = {};
  return pages().filter(path => {
    const list = /^(tags|page)\/./.exec(path)?.[1];
    return !list || (seen[list] = (seen[list] ?? 0) + 1) <= 2;
  });
}

let found;

// Every player of the site: {path, index, config, sound, levels}.
export function clips() {
  found ??= discover();
  return found;
}

async function discover() {
  const all = [];
  const {page, done} = await visit(null);
  for (const path of pages()) {
    const html = readFileSync(join(folder, fileOf(path)), 'utf8');
    const configs = await page.evaluate(text => [...new DOMParser().parseFromString(text, 'text/html')
      .querySelectorAll('[data-player] script')].map(script => JSON.parse(script.textContent)), html);
    configs.forEach((config, index) => {
      const levels = config.hls ? read(path, config.hls).toString().split('#EXT-X-STREAM-INF').length - 1 : 1;
      all.push({path, index, config, levels, sound: read(path, config.mp4).includes('soun')});
    });
  }
  await done();
  assert(all.length > 0, 'the site has no clip');
  return all;
}

export function fileOf(path) {
  return path === '' || path.endsWith('/') ? path + 'index.html' : path;
}

// The bytes of a file as a page names it. A movie with sound has an hdlr box of type "soun" at its front.
function read(path, address) {
  return readFileSync(join(folder, decodeURIComponent(new URL(address, new URL(path, 'http://host/')).pathname)));
}

// Opens a page of the site (null: an empty one) in a context of its own and watches it. done() closes it and fails the
// test if the page met an error, a policy violation or another origin than its own and those of friends.
export async function visit(path, {base = url, friends = [], tolerate = () => false, prepare, ...options} = {}) {
  const context = await (await browser()).newContext({viewport: {width: 1000, height: 800}, ...options});
  await context.addInitScript(() => {
    window.seen = {violations: [], shifts: [], hlsErrors: []};
    let flowplayer;
    Object.defineProperty(window, 'flowplayer', {
      get: () => flowplayer,
      set: value => {
        flowplayer = value;
        value.engine('hlsjs-lite').plugin(({hls}) => hls.on('hlsError', (event, {type, details, fatal, error}) => {
          // A busy machine stalls; that is no fault of the film.
          if (!/Stall/.test(details)) window.seen.hlsErrors.push(`${fatal ? 'fatal ' : ''}${type} ${details} ${error?.message}`);
        }));
      },
    });
    document.addEventListener('securitypolicyviolation', event =>
      window.seen.violations.push(`${event.violatedDirective} ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`));
    new PerformanceObserver(list => list.getEntries().forEach(entry => {
      const parts = entry.sources.map(({node}) => node?.className || node?.nodeName);
      if (!entry.hadRecentInput) window.seen.shifts.push(`${entry.value} at ${Math.round(entry.startTime)} ms: ${parts}`);
    })).observe({type: 'layout-shift', buffered: true});
  });
  const page = await context.newPage();
  const requests = [], problems = [];
  page.on('request', request => requests.push(request.url()));
  page.on('pageerror', error => problems.push(`script error: ${error.stack}`));
  page.on('console', message => {
    if (message.type() === 'error') problems.push(`console: ${message.text()} ${message.location().url}`);
  });
  await prepare?.(page, context);
  const response = path === null ? null : await page.goto(new URL(path, base).href);

  const done = async () => {
    const seen = await page.evaluate(() => window.seen).catch(() => null);
    await context.close();
    const strangers = requests.filter(r => /^https?:/.test(r) && ![new URL(base).origin, ...friends].includes(new URL(r).origin));
    assert.deepEqual(strangers, [], 'requests to other origins');
    assert.deepEqual(seen?.violations ?? [], [], 'content security policy violations');
    assert.deepEqual(problems.filter(p => !tolerate(p)), []);
    return seen;
  };
  return {page, context, response, requests, done};
}

// A picture for people to look at.
export async function shoot(page, name) {
  if (!shots) return;
  mkdirSync(shots, {recursive: true});
  await page.screenshot({path: join(shots, name.replace(/[^\p{L}\p{N}.-]+/gu, '-') + '.png')});
}

// The hands of a visitor on one player.
export class Player {
  constructor(page, index = 0) {
    this.page = page;
    this.index = index;
    this.box = page.locator('[data-player]').nth(index);
    this.start = this.box.locator('.player-start');
  }

  // What the film is doing: Flowplayer's <video> if there is one, otherwise the page's own.
  state() {
    return this.box.evaluate(box => {
      const stage = box.querySelector('.flowplayer'), video = box.querySelector('.fp-engine') ?? box.querySelector('video');
      const api = stage && window.flowplayer(stage);
      return {
        flowplayer: Boolean(stage), engine: api?.engine?.engineName, failed: Boolean(box.querySelector('.is-error')),
        time: video.currentTime, duration: video.duration, paused: video.paused, ended: video.ended, seeking: video.seeking,
        width: video.videoWidth, audio: video.webkitAudioDecodedByteCount, volume: video.volume, muted: video.muted,
        loaded: video.buffered.length ? video.buffered.end(video.buffered.length - 1) : 0, controls: video.controls, captions: box.querySelector('.fp-captions.fp-shown')?.innerText.trim() ?? '',
        levels: api?.engine?.hls?.levels.map(level => level.width),
      };
    });
  }

  // Waits until the state satisfies the condition, and returns it.
  async until(what, condition, timeout = 20000) {
    const deadline = Date.now() + timeout;
    for (;;) {
      const state = await this.state();
      if (condition(state)) return state;
      if (Date.now() > deadline) assert.fail(`waited in vain for: ${what}; ${JSON.stringify(state)}`);
      await this.page.waitForTimeout(50);
    }
  }

  async play() {
    await this.start.click();
    return this.playing();
  }

  playing() {
    return this.until('the film plays', s => !s.paused && s.time > 0.2);
  }

  // As a program would; tests of the controls use the controls.
  seek(time) {
    return this.box.evaluate((box, to) => window.flowplayer(box.querySelector('.flowplayer')).seek(to), time);
  }

  // Opens a menu by its button and chooses an item.
  async choose(button, item) {
    await this.box.hover();
    await this.box.locator(button).click();
    await this.box.locator('.fp-menu.fp-active a').nth(item).click();
  }
}
