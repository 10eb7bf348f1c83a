// A native dialog over the page: it keeps the focus, Escape closes it, the focus goes back to what opened it.
const arrived = [];
const show = () => {
  const dialog = element.querySelector('dialog');
  if (!dialog || dialog.open) return;
  const opener = window.imrOpener;
  dialog.showModal();
  document.body.classList.add('imr-reading');
  dialog.addEventListener('close', () => {
    if (!document.querySelector('dialog[open]')) document.body.classList.remove('imr-reading');
    props.value = '';
    if (opener && opener.isConnected) opener.focus();
  });
  dialog.querySelector('h2').focus({preventScroll: true});
  arrived.forEach((arrive) => arrive(dialog));
};
element.addEventListener('click', (event) => {
  const dialog = element.querySelector('dialog');
  if (!dialog) return;
  if (event.target === dialog || event.target.closest('[data-close]')) dialog.close();
  const link = event.target.closest('a[data-letter]');
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    window.imrOpener = link;
    trigger('select', {letter: link.dataset.letter, item: Number(link.dataset.item)});
  }
});
watch('value', show);
setTimeout(show);
