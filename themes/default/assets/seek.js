// Pictures of the film over Flowplayer's time line: a part of the player that is fetched with it, never before.
//
// A WebVTT file says which piece of one large picture shows the film at what time (sprite.jpg#xywh=0,0,160,90). Both are
// fetched when somebody first points at the time line, touches it or reaches it with the keyboard. Styles are set by
// script, element by element, which a strict content security policy allows.

// "00:01:02.500" as seconds
const seconds = text => text.split(':').reduce((sum, part) => sum * 60 + +part, 0);

// The cues of a storyboard: {from, to, sprite, x, y, width, height}.
const parse = (text, base) => [...text.matchAll(/([\d:.]+) --> ([\d:.]+).*\n(.+)#xywh=(\d+),(\d+),(\d+),(\d+)/g)].map(
  ([, from, to, sprite, ...box]) => {
    const [x, y, width, height] = box.map(Number);
    return {from: seconds(from), to: seconds(to), sprite: new URL(sprite, base).href, x, y, width, height};
  });

export default (stage, api, storyboard) => {
  const timeline = stage.querySelector('.fp-timeline');
  const view = document.createElement('div');
  let cues, pointed = false;

  view.className = 'seek-preview';
  view.setAttribute('aria-hidden', true); // the slider says the time
  Object.assign(view.style, {
    position: 'absolute', zIndex: 2, display: 'none', pointerEvents: 'none', border: '2px solid #fff', background: '#000',
    boxShadow: '0 1px 6px rgb(0 0 0 / .6)', boxSizing: 'content-box',
  });
  stage.querySelector('.fp-player').append(view);

  const hide = () => { view.style.display = 'none'; };

  // Shows the film at a time, above the place of the time line that stands for it.
  const show = async time => {
    cues = cues || fetch(storyboard).then(answer => answer.ok ? answer.text() : '').then(text => parse(text, new URL(storyboard, document.baseURI)), () => []);
    const all = await cues;
    const cue = all.find(({to}) => time < to) || all[all.length - 1];
    if (!cue || !(pointed || timeline.matches(':focus-visible'))) return hide();
    const line = timeline.getBoundingClientRect(), frame = view.offsetParent || stage, room = frame.getBoundingClientRect();
    const centre = line.left - room.left + line.width * time / api.video.duration;
    const scale = Math.min(1, room.width / 2.5 / cue.width, room.height / 2 / cue.height);
    const width = cue.width * scale;
    Object.assign(view.style, {
      display: 'block',
      width: width + 'px', height: cue.height * scale + 'px',
      left: Math.max(4, Math.min(centre - width / 2 - 2, room.width - width - 8)) + 'px',
      bottom: room.bottom - line.top + 26 + 'px', // room for the time that Flowplayer shows
      backgroundImage: `url("${cue.sprite}")`,
      backgroundPosition: `${-cue.x * scale}px ${-cue.y * scale}px`,
    });
    view.dataset.at = cue.from;
    resize(cue, scale);
  };

  // The sprite's own size is known when it is there.
  const sprites = new Map();
  const resize = ({sprite}, scale) => {
    if (!sprites.has(sprite)) {
      const image = new Image();
      image.src = sprite;
      sprites.set(sprite, image.decode().then(() => image, () => image));
    }
    sprites.get(sprite).then(image => { view.style.backgroundSize = image.width * scale + 'px'; });
  };

  const point = x => {
    const {left, width} = timeline.getBoundingClientRect();
    pointed = true;
    show(Math.max(0, Math.min((x - left) / width, 1)) * api.video.duration);
  };
  const leave = () => {
    pointed = false;
    hide();
  };
  const follow = () => { if (!pointed && timeline.matches(':focus-visible')) show(api.video.time || 0); };

  timeline.addEventListener('pointermove', event => point(event.clientX));
  timeline.addEventListener('pointerleave', leave);
  for (const type of ['touchstart', 'touchmove']) {
    timeline.addEventListener(type, event => point(event.touches[0].clientX), {passive: true});
  }
  for (const type of ['touchend', 'touchcancel']) timeline.addEventListener(type, leave);
  timeline.addEventListener('focus', follow);
  timeline.addEventListener('blur', hide);
  api.on('seek progress', follow);
};
