// A click on a link that names a letter opens it in place; without the script the same link opens the page there.
element.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-letter]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  window.imrOpener = link;
  trigger('select', {letter: link.dataset.letter, item: Number(link.dataset.item)});
});
