// The player of a page. Every [data-player] box holds an ordinary <video controls> and, beside it, its settings as JSON.
//
// This script turns the box into a facade: the poster with one button. A visitor who points at it, focuses it or
// touches it makes the browser fetch Flowplayer, hls.js and the first seconds of the clip; a click plays. Until then
// nothing is fetched, so a gallery of fifty films costs as much as one. Whatever goes wrong, the browser's own player
// takes over where the other one stopped.
//
// Flowplayer's files stay as published. What it lacks (names and roles for assistive technology, keys, focus, a
// strict content security policy) is added from outside, in repair and in embed.css.
(() => {
  'use strict';

  const page = document;
  const films = [...page.querySelectorAll('[data-player]')].map(box => ({
    box, config: JSON.parse(box.querySelector('script').textContent),
  }));

  // Only Safari has ManagedMediaSource, and only Safari plays HLS itself reliably (hls.js issues 7827 and 7844).
  const nativeHLS = 'ManagedMediaSource' in window;
  const saveData = navigator.connection && navigator.connection.saveData;

  const make = (name, properties) => Object.assign(page.createElement(name), properties);
  const attributes = (element, values) => {
    for (const name in values) element && element.setAttribute(name, values[name]);
  };
  const clamp = (low, value, high) => Math.max(low, Math.min(value, high));

  // "90", "1:30" and "1:02:03" as seconds; 0 for anything else.
  const seconds = text => (text || '').split(':').reduce((sum, part) => sum * 60 + +part, 0) || 0;

  // 90 as "1:30".
  const clock = time => {
    const s = Math.floor(time), two = n => String(n).padStart(2, '0');
    return (s < 3600 ? Math.floor(s / 60) : Math.floor(s / 3600) + ':' + two(Math.floor(s / 60) % 60)) + ':' + two(s % 60);
  };

  // The libraries, once a page. If one clip needs the full hls.js, all use it: loading both would run the light one last.
  let libraries;
  const load = folder => {
    const add = element => new Promise((done, failed) => {
      element.onload = done;
      element.onerror = failed;
      page.head.append(element);
    });
    // async = false: fetched side by side, run in order. Flowplayer looks for window.Hls.
    const script = name => add(make('script', {src: folder + name, async: false}));
    return libraries = libraries || Promise.all([
      add(make('link', {rel: 'stylesheet', href: folder + 'skin.css'})),
      !nativeHLS && films.some(film => film.config.hls) && script(films.some(film => film.config.fullHls) ? 'hls.min.js' : 'hls.light.min.js'),
      script('flowplayer.min.js'),
    ]).then(() => {
      page.fonts.load('1em flowplayer'); // its icons
      const hlsEngine = window.flowplayer.engine('hlsjs-lite');
      // Flowplayer's own recovery tries for ever, or gives up without a word. This listener is called before its, and
      // an error it has dealt with is no longer fatal. The third one is, and the browser plays the MP4.
      hlsEngine && hlsEngine.plugin(({hls, player, videoTag}) => {
        let chances = 2;
        // Recovery, hls.js's own too, takes the media off and on again, which pauses it without an event.
        hls.on('hlsMediaAttached', () => player.playing && videoTag.play().catch(() => {}));
        // Flowplayer changes the quality from the next segment on, and on a slow line, with all of a short film loaded,
        // there is none that would be fetched again. Then change at once.
        player.on('quality', (event, api, level) => {
          let replaced = level < 0;
          hls.once('hlsBufferFlushing', () => { replaced = true; });
          setTimeout(() => replaced || hls.currentLevel === level || (hls.currentLevel = level));
        });
        hls.on('hlsError', (event, error) => {
          if (!error.fatal || !hls.levels.length || !chances--) return;
          if (error.type === 'mediaError') hls.recoverMediaError();
          else if (error.type === 'networkError') hls.startLoad();
          else return;
          error.fatal = false;
        });
      });
    });
  };

  // What the player will ask for first, so that the answers lie in the browser's cache when it does.
  const warm = (config, start) => {
    const ranges = config.hls ? config.warm : [{url: config.mp4, offset: 0, length: 3e5}];
    const wanted = [];
    // The first segment is of no use to somebody who starts elsewhere.
    for (const {url, offset, length} of start ? ranges.slice(0, 3) : ranges) {
      const last = wanted[wanted.length - 1];
      // Neighbours are fetched as one: Chromium's memory cache loses bytes where two answers for one file meet.
      if (last && last.url === url && last.offset + last.length === offset) last.length += length;
      else wanted.push({url, offset, length});
    }
    for (const {url, offset, length} of wanted) {
      fetch(url, length ? {headers: {Range: `bytes=${offset}-${offset + length - 1}`}} : {})
        .then(answer => answer.arrayBuffer()).catch(() => {});
    }
  };

  const flowplayerSettings = (config, start, muted) => ({
    splash: true, // no media until load() is called
    autoplay: true,
    muted,
    ratio: 0, // the box has its shape from the <video> in it
    keyboard: false, // it listens to the whole page; see keys
    share: false,
    chromecast: false, // would fetch a script of Google's
    fullscreen: nativeHLS || page.fullscreenEnabled, // default: not in frames, and an embed is a frame
    native_fullscreen: true, // iPhones have no other
    generate_cuepoints: true,
    // The lowest rung is the one that was warmed. Of a segment that fails, hls.js tries to get each rung seven times
    // unless told otherwise; the visitor looks at a still picture meanwhile.
    hlsjs: {
      startLevel: 0, startPosition: start || -1, capLevelToPlayerSize: true, recoverMediaError: false, fragLoadingMaxRetry: 2,
    },
    clip: {
      sources: [
        config.hls && {type: 'application/x-mpegurl', src: config.hls},
        config.mp4 && {type: 'video/mp4', src: config.mp4},
      ].filter(Boolean),
      subtitles: config.captions,
      cuepoints: config.chapters.map(chapter => chapter.at).filter(Boolean),
    },
  });

  // Makes the controls of a ready Flowplayer usable without a mouse and without sight.
  const repair = (stage, api, media, title) => {
    const find = selector => stage.querySelector(selector);
    const play = find('.fp-controls > .fp-playbtn'), mute = find('.fp-volumebtn'), full = find('.fp-fullscreen');
    const timeline = find('.fp-timeline'), volume = find('.fp-volumebar');
    // Flowplayer keeps quiet about being at 0 exactly, and would show the old time.
    const seek = time => api.seek(clamp(.01, time, api.video.duration - .1));

    attributes(stage, {role: 'region', 'aria-label': 'Player: ' + title});
    attributes(find('.fp-player > a'), {'aria-label': 'Flowplayer'});
    stage.querySelectorAll('.fp-play, .fp-pause, .fp-waiting, .fp-speed-flash, .fp-timestamp, .fp-cuepoint')
      .forEach(element => attributes(element, {'aria-hidden': true}));
    [play, mute, full].forEach(element => attributes(element, {role: 'button', tabindex: 0}));
    attributes(timeline, {role: 'slider', tabindex: 0, 'aria-label': 'Seek', 'aria-valuemin': 0});
    attributes(volume, {role: 'slider', tabindex: 0, 'aria-label': 'Volume', 'aria-valuemin': 0, 'aria-valuemax': 100});

    const reflect = () => {
      const {time = 0, duration = 0} = api.video;
      attributes(play, {'aria-label': api.playing ? 'Pause' : 'Play'});
      attributes(mute, {'aria-label': api.muted ? 'Unmute' : 'Mute'});
      attributes(full, {'aria-label': api.isFullscreen ? 'Leave full screen' : 'Full screen'});
      attributes(timeline, {
        'aria-valuemax': Math.round(duration), 'aria-valuenow': Math.round(time),
        'aria-valuetext': clock(time) + ' of ' + clock(duration),
      });
      attributes(volume, {'aria-valuenow': Math.round((api.muted ? 0 : api.volumeLevel) * 100)});
    };
    api.on('progress resume pause finish volume mute fullscreen fullscreen-exit', reflect);
    reflect();

    // Names begin with what is written on the buttons, for people who speak to them.
    const openers = new Map();
    for (const [opener, list, name] of [['.fp-cc', '.fp-subtitle-menu', 'CC: captions'], ['.fp-qsel', '.fp-qsel-menu', 'HD: quality']]) {
      const button = find(opener), menu = find(list);
      if (!button || !menu) continue;
      openers.set(menu, button);
      attributes(button, {role: 'button', tabindex: 0, 'aria-haspopup': 'menu', 'aria-label': name});
      attributes(menu, {role: 'menu', 'aria-label': name});
      attributes(menu.querySelector('strong'), {role: 'presentation'});
      const mark = () => {
        attributes(button, {'aria-expanded': menu.classList.contains('fp-active')});
        menu.querySelectorAll('a').forEach(item => attributes(item, {
          role: 'menuitemradio', tabindex: -1, 'aria-checked': item.classList.contains('fp-selected'),
        }));
      };
      new MutationObserver(mark).observe(menu, {subtree: true, attributeFilter: ['class']});
      mark();
    }
    const close = menu => {
      const button = openers.get(menu);
      if (button && menu.contains(page.activeElement)) button.focus();
      api.hideMenu(menu);
    };

    // Keys that mean the same wherever the focus is inside the player. There are none outside it.
    const back = () => seek(media.currentTime - 5), ahead = () => seek(media.currentTime + 5);
    const louder = () => api.volume(api.volumeLevel + .1), softer = () => api.volume(api.volumeLevel - .1);
    const keys = {
      ' ': () => api.toggle(), k: () => api.toggle(),
      ArrowLeft: back, j: back, ArrowRight: ahead, l: ahead,
      PageDown: () => seek(media.currentTime - 30), PageUp: () => seek(media.currentTime + 30),
      Home: () => seek(0), End: () => seek(api.video.duration),
      ArrowUp: louder, ArrowDown: softer,
      m: () => api.mute(), f: () => full && api.fullscreen(),
      c: () => api.subtitles.length ? api.disableSubtitles() : api.video.subtitles[0] && api.loadSubtitles(0),
      '<': () => api.speed(false), '>': () => api.speed(true),
      Escape: () => stage.querySelectorAll('.fp-menu.fp-active').forEach(close),
    };
    const menuKeys = (item, key) => {
      const menu = item.parentNode, items = [...menu.querySelectorAll('a')];
      const to = {ArrowDown: items.indexOf(item) + 1, ArrowUp: items.indexOf(item) - 1, Home: 0, End: -1}[key];
      if (to !== undefined) items[(to + items.length) % items.length].focus();
      else if (key === 'Enter' || key === ' ') item.click();
      else if (key !== 'Escape' && key !== 'Tab') return false;
      if (to === undefined) close(menu);
      return key !== 'Tab';
    };
    const buttonKeys = (button, key) => {
      const menu = [...openers.keys()].find(list => openers.get(list) === button);
      if (key !== 'Enter' && key !== ' ' && !(menu && /^Arrow(Up|Down)$/.test(key))) return false;
      button.click();
      if (menu && menu.classList.contains('fp-active')) (menu.querySelector('.fp-selected') || menu.querySelector('a')).focus();
      return true;
    };
    stage.addEventListener('keydown', event => {
      let {target, key} = event;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const role = target.getAttribute('role');
      if (role === 'slider') { // a slider follows all four arrows
        const same = target === timeline ? {ArrowUp: 'ArrowRight', ArrowDown: 'ArrowLeft'} : {ArrowRight: 'ArrowUp', ArrowLeft: 'ArrowDown'};
        key = same[key] || key;
      }
      const done = role === 'menuitemradio' ? menuKeys(target, key)
        : role === 'button' && buttonKeys(target, key)
        || (keys[key] ? (keys[key](), true) : /^\d$/.test(key) && (seek(api.video.duration * key / 10), true));
      if (done) event.preventDefault();
    });

    // Today's name of what Flowplayer calls by the names of 2018.
    const wrapper = find('.fp-player');
    if (!wrapper.webkitRequestFullScreen && !wrapper.mozRequestFullScreen) wrapper.requestFullScreen = wrapper.requestFullscreen;
    return play;
  };

  const upgrade = ({box, config}) => {
    const figure = box.closest('figure') || box, video = box.querySelector('video');
    const lists = ['.chapters', '.transcript'].map(list => [...figure.querySelectorAll(list + ' a[data-t]')]);
    const button = make('button', {type: 'button', className: 'player-start'});
    let {start} = config, begun, own, media, stage, api, prepared;

    attributes(button, {'aria-label': `Play: ${config.title}` + (config.duration ? ` (${clock(config.duration)})` : '')});
    video.controls = false;
    box.append(button);

    const playOwn = () => {
      if (start) video.currentTime = start;
      video.play().catch(() => {});
    };

    // The browser's own player takes over, where the other one stopped.
    const takeOver = () => {
      if (own) return;
      own = true;
      const focused = box.contains(page.activeElement);
      if (media) {
        start = media.currentTime || start;
        video.muted = media.muted;
      }
      if (api) {
        try {
          api.conf.splash = true; // makes shutdown let go of the media
          api.shutdown();
        } catch (error) { /* it is going anyway */ }
        stage.remove();
      }
      button.remove();
      box.classList.remove('player-on');
      video.inert = false;
      video.controls = true;
      if (focused) video.focus({preventScroll: true}); // what had it is gone
      if (begun) playOwn();
    };

    const prepare = () => {
      if (prepared || own) return;
      prepared = true;
      load(config.lib).catch(takeOver);
      warm(config, start);
    };

    const launch = async takeFocus => {
      await load(config.lib);
      if (own) return;
      // Built before it is part of the page: a strict content security policy would report the inline styles of its
      // icons (embed.css has the same rules).
      stage = make('div', {className: 'fp-mute', tabIndex: -1});
      api = window.flowplayer(stage, flowplayerSettings(config, start, media.muted));
      stage.querySelectorAll('style').forEach(style => style.remove());
      stage.querySelector('.fp-player').prepend(media);
      api.conf.splash = false; // a splash player throws the others on the page out; here they are paused
      api.conf.subtitleParser = text => {
        // Flowplayer shows a cue when it begins: show the one that is due already.
        setTimeout(() => {
          const now = media.currentTime;
          const due = api.cuepoints.find(({time, subtitle}) => subtitle && time <= now && now < subtitle.endTime);
          if (due) api.trigger('cuepoint', [api, due]);
        });
        // Cue text ends up as HTML. Without tags it is only text.
        return window.flowplayer.defaults.subtitleParser(text.replace(/<[^>\n]*>?/g, ''));
      };
      box.append(stage);
      // Captions that cannot be loaded are an error without a number, and no reason to stop.
      api.on('error', (event, player, error) => error ? takeOver() : stage.classList.remove('is-error'));
      api.on('ready', () => {
        const play = repair(stage, api, media, config.title), {seek} = config;
        if (seek) import(new URL(seek.script, page.baseURI)).then(part => part.default(stage, api, seek.storyboard)).catch(() => {});
        if (takeFocus && [button, page.body].includes(page.activeElement)) play.focus({preventScroll: true});
        if (start) media.currentTime = start;
        media.loop = config.loop; // Flowplayer's own way of looping stops at the beginning
        button.remove();
        video.inert = true;
      });
      api.load();
    };

    const play = (from, {muted = config.muted, takeFocus = true} = {}) => {
      if (from !== undefined) start = from;
      if (own) playOwn();
      else if (api && api.ready) {
        api.seek(start);
        api.resume();
      } else if (!begun) {
        begun = true;
        media = make('video', {muted});
        if (!config.lib) return takeOver(); // the program was built without the player
        media.load(); // WebKit lets an element play with sound if it was loaded in the event handler of a click
        button.classList.add('player-busy');
        attributes(button, {'aria-busy': true});
        prepare();
        launch(takeFocus).catch(takeOver);
        setTimeout(() => api && api.ready || takeOver(), 2e4);
      }
    };

    button.addEventListener('click', () => play());
    if (config.lib && !saveData) ['pointerenter', 'focusin'].forEach(type => box.addEventListener(type, prepare));
    figure.addEventListener('click', event => {
      const link = event.target.closest('a[data-t]');
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      play(+link.dataset.t, {takeFocus: false});
    });
    box.addEventListener('timeupdate', ({target}) => {
      // The first frame is there: the poster goes, unless it is all there is to see.
      if (target === media && config.width && media.currentTime) box.classList.add('player-on');
      lists.forEach(links => {
        const now = links.filter(link => link.dataset.t <= target.currentTime + .2).pop();
        links.forEach(link => link === now ? attributes(link, {'aria-current': true}) : link.removeAttribute('aria-current'));
      });
    }, true);

    return {
      id: figure.id, play, autoplay: config.autoplay,
      moveTo: time => {
        start = time >= config.duration && config.duration ? 0 : time; // of a stream elsewhere nobody may know it
        if (own) video.currentTime = start;
        else if (api && api.ready) api.seek(start);
      },
    };
  };

  const players = films.map(upgrade);

  // One plays, the others pause.
  page.addEventListener('play', ({target}) => {
    if (target.closest('[data-player]')) {
      page.querySelectorAll('[data-player] video').forEach(video => video === target || video.pause());
    }
  }, true);

  // #t=90 and ?t=90 mean the first player, or the one whose figure the fragment names. Nothing starts by itself.
  const follow = () => {
    const {hash, search} = location;
    const time = seconds((/^#t=(.+)/.exec(hash) || [])[1] || new URLSearchParams(search).get('t'));
    const player = players.find(({id}) => id && '#' + id === hash) || players[0];
    if (time && player) player.moveTo(time);
  };
  follow();
  window.addEventListener('hashchange', follow);

  // Browsers let a clip start by itself when it is silent; people may have asked for stillness.
  const automatic = players.find(player => player.autoplay);
  if (automatic && !saveData && !matchMedia('(prefers-reduced-motion: reduce)').matches) {
    automatic.play(undefined, {muted: true, takeFocus: false});
  }
})();
