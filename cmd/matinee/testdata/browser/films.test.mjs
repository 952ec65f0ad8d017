// Films of many formats as their pages offer them: as an MP4, and as a stream where there is one.
//
//   MATINEE_FILMS    JSON: [{name, page, width, height, duration, slack, sound}], see odd_test.go
//   MATINEE_PUBLIC   the built site
//   MATINEE_PLAYER   the folder of hls.js
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {browser, close} from './lib/browser.mjs';
import {serve} from './lib/server.mjs';

let server, page;
before(async () => {
  server = await serve(process.env.MATINEE_PUBLIC);
  page = await (await browser()).newPage();
});
after(async () => {
  server.close();
  await close();
});

// Plays an address to its end, rate times as fast, and says what came of it. library is that of hls.js, if it is needed.
async function watch(address, rate, library) {
  const stage = new URL('stage', server.url).href; // an empty page of the same origin
  await page.route(stage, route => route.fulfill({contentType: 'text/html', body: '<!doctype html><title>Stage</title>'}));
  await page.goto(stage);
  if (library) await page.addScriptTag({path: library});
  return page.evaluate(([source, rate, useHls]) => new Promise(resolve => {
    const video = document.body.appendChild(document.createElement('video'));
    const troubles = [];
    const done = () => resolve({
      troubles, duration: video.duration, width: video.videoWidth, height: video.videoHeight, time: video.currentTime,
      ended: video.ended, audio: video.webkitAudioDecodedByteCount, frames: video.getVideoPlaybackQuality().totalVideoFrames,
    });
    video.muted = true;
    video.defaultPlaybackRate = rate; // loading sets playbackRate to it
    video.onerror = () => { troubles.push(`video: ${video.error.message}`); done(); };
    video.onended = done;
    setTimeout(done, 20000);
    if (useHls) {
      const hls = new window.Hls();
      hls.on('hlsError', (event, data) => { if (data.fatal) { troubles.push(`${data.type} ${data.details}`); done(); } });
      hls.loadSource(source);
      hls.attachMedia(video);
    } else {
      video.src = source;
    }
    video.play().catch(error => { troubles.push(String(error)); done(); });
  }), [address, rate, Boolean(library)]);
}

function check(film, seen) {
  assert.deepEqual(seen.troubles, []);
  assert.ok(seen.ended, `it stands still at ${seen.time} of ${seen.duration} s`);
  assert.ok(Math.abs(seen.duration - film.duration) <= film.slack, `it lasts ${seen.duration} s, want ${film.duration}`);
  assert.ok(Math.abs(seen.width - film.width) <= 1 && Math.abs(seen.height - film.height) <= 1, `it is ${seen.width}×${seen.height}, want ${film.width}×${film.height}`);
  assert.equal(seen.frames > 0, film.width > 0, 'picture');
  assert.equal(seen.audio > 0, film.sound, 'sound');
}

for (const film of JSON.parse(process.env.MATINEE_FILMS)) {
  const html = readFileSync(join(process.env.MATINEE_PUBLIC, film.page, 'index.html'), 'utf8');
  const source = type => {
    const found = html.match(new RegExp(`<source src="?([^" >]+)"? type="?${type}`));
    return found && new URL(found[1], 'http://host/' + film.page + '/').pathname.slice(1);
  };
  test(film.name, async () => {
    const rate = film.duration > 5 ? 16 : 4;
    check(film, await watch(server.url + source('video/mp4'), rate));
    const master = source('application/vnd.apple.mpegurl');
    if (!master) return;
    const full = readFileSync(join(process.env.MATINEE_PUBLIC, master), 'utf8').includes('TYPE=AUDIO');
    const seen = await watch(server.url + master, rate, join(process.env.MATINEE_PLAYER, full ? 'hls.min.js' : 'hls.light.min.js'));
    // The rung that plays may be a smaller one of the same shape.
    check({...film, width: seen.width, height: seen.height}, seen);
    if (film.width > 0) {
      const shape = film.width / film.height, slack = 2 / Math.min(seen.width, seen.height);
      assert.ok(Math.abs(seen.width / seen.height / shape - 1) <= slack, `the stream is ${seen.width}×${seen.height}`);
    }
  });
}
