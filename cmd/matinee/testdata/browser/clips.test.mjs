// Packaged odd clips in a bare page: read as a plain MP4 and as HLS.
//
//   MATINEE_CLIPS    JSON: [{name, picture, upright, sound, full, plain, folder}], see browser_test.go
//   MATINEE_PLAYER   the folder of hls.js
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {readFileSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {browser, close} from './lib/browser.mjs';
import {serve} from './lib/server.mjs';

after(close);

// Plays a bare <video> and returns what came of it.
async function watch(address, library) {
  const page = await (await browser()).newPage();
  const problems = [];
  page.on('pageerror', error => problems.push(String(error)));
  const stage = new URL('stage', address).href; // an empty page of the same origin
  await page.route(stage, route => route.fulfill({contentType: 'text/html', body: '<!doctype html><title>Stage</title>'}));
  await page.goto(stage);
  if (library) await page.addScriptTag({path: library});
  await page.evaluate(([source, useHls]) => {
    const video = document.body.appendChild(document.createElement('video'));
    window.troubles = [];
    video.muted = true;
    video.onerror = () => window.troubles.push(`video: ${video.error.message}`);
    if (useHls) {
      const hls = window.hls = new window.Hls();
      hls.on('hlsError', (event, data) => window.troubles.push(`${data.type} ${data.details}`));
      hls.loadSource(source);
      hls.attachMedia(video);
    } else {
      video.src = source;
    }
    video.play();
  }, [address, Boolean(library)]);

  const state = () => page.evaluate(() => {
    const video = document.querySelector('video');
    return {
      time: video.currentTime, duration: video.duration, width: video.videoWidth, height: video.videoHeight, seeking: video.seeking,
      ended: video.ended, audio: video.webkitAudioDecodedByteCount, frames: video.getVideoPlaybackQuality().totalVideoFrames,
      troubles: window.troubles,
    };
  });
  const until = async (what, condition) => {
    const deadline = Date.now() + 15000;
    for (;;) {
      const now = await state();
      if (condition(now)) return now;
      if (Date.now() > deadline) assert.fail(`waited in vain for: ${what}; ${JSON.stringify(now)} ${problems}`);
      await page.waitForTimeout(50);
    }
  };
  const started = await until('the clock runs', s => s.time > 1 || s.ended);
  await page.evaluate(() => {
    const video = document.querySelector('video');
    video.currentTime = video.duration * 0.9;
  });
  const sought = await until('90 %', s => !s.seeking && s.time >= s.duration * 0.9 - 0.01);
  const later = await until('the clock runs after the seek', s => s.time > sought.time + 0.1 || s.ended);
  await page.close();
  assert.deepEqual([...later.troubles, ...problems], []);
  return {...later, framesAtStart: started.frames};
}

for (const clip of JSON.parse(process.env.MATINEE_CLIPS)) {
  const master = readFileSync(join(clip.folder, 'master.m3u8'), 'utf8');
  const file = master.split('\n').find(line => line && !line.startsWith('#')).replace(/\.m3u8$/, '.mp4');
  const library = join(process.env.MATINEE_PLAYER, clip.full ? 'hls.min.js' : 'hls.light.min.js');

  // Watches a file and returns how often it was asked for.
  const asked = async (folder, name, hls) => {
    let count = 0;
    const server = await serve(folder, {log: request => { count += request.path.endsWith('.mp4'); }});
    try {
      const seen = await watch(server.url + name, hls);
      assert.equal(seen.width > 0, clip.picture, 'picture');
      assert.equal(seen.audio > 0, clip.sound, 'sound');
      assert.equal(seen.height > seen.width, clip.upright, 'upright');
    } finally {
      server.close();
    }
    return count;
  };

  test(`${clip.name}: a plain MP4, asked for as seldom as one laid out for progressive playing`, async () => {
    // How much has arrived when the seek comes, and so whether it needs a request, depends on how busy the machine is.
    let ours, reference;
    for (let attempt = 0; attempt < 4; attempt++) {
      reference = await asked(dirname(clip.plain), basename(clip.plain));
      ours = await asked(clip.folder, file);
      if (ours <= reference) return;
    }
    assert.fail(`${ours} requests, ${reference} for the other file`);
  });

  test(`${clip.name}: HLS`, async () => {
    await asked(clip.folder, 'master.m3u8', library);
  });
}
