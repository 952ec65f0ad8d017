// Cards that show a few seconds of their film to whoever points at them or focuses them.
//
// Nothing of the film is fetched before, and nothing stays afterwards. People who have asked for stillness, or to be
// spared data, see the picture. A finger does not point.
(() => {
  'use strict';

  const still = matchMedia('(prefers-reduced-motion: reduce)');
  const saveData = navigator.connection && navigator.connection.saveData;

  document.querySelectorAll('[data-preview]').forEach(box => {
    const card = box.closest('.card') || box;
    let film, soon;

    const show = () => {
      if (film || saveData || still.matches) return;
      film = Object.assign(document.createElement('video'), {
        muted: true, loop: true, playsInline: true, disablePictureInPicture: true, tabIndex: -1, src: box.dataset.preview,
      });
      film.setAttribute('aria-hidden', true);
      box.querySelector('picture').after(film);
      film.play().catch(hide);
    };
    const hide = () => {
      clearTimeout(soon);
      if (!film) return;
      film.remove();
      film.removeAttribute('src'); // stops what is being fetched
      film.load();
      film = null;
    };

    card.addEventListener('pointerenter', event => {
      if (event.pointerType !== 'touch') soon = setTimeout(show, 80); // not for a pointer passing by
    });
    card.addEventListener('focusin', event => event.target.matches(':focus-visible') && show());
    card.addEventListener('pointerleave', hide);
    card.addEventListener('focusout', hide);
  });
})();
