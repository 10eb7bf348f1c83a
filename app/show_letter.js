// The letter is a native dialog: it keeps the focus, and Escape closes it.
const show = () => {
  const dialog = element.querySelector('dialog');
  if (!dialog || dialog.open) return;
  dialog.showModal();
  document.body.classList.add('imr-reading');
  dialog.addEventListener('close', () => {
    document.body.classList.remove('imr-reading');
    props.value = '';
    if (window.imrOpener) window.imrOpener.focus();
  });
  const heading = dialog.querySelector('h2');
  heading.focus({preventScroll: true});
  const target = dialog.querySelector('.imr-rationale.imr-current');
  if (target) {
    const body = dialog.querySelector('.imr-letter-body');
    const first = target.querySelector('mark') || target;
    body.scrollTop += first.getBoundingClientRect().top - body.getBoundingClientRect().top - body.clientHeight / 3;
  }
};
watch('value', show);
show();
element.addEventListener('click', (event) => {
  const dialog = element.querySelector('dialog');
  if (!dialog) return;
  if (event.target === dialog || event.target.closest('[data-close]')) dialog.close();
  const jump = event.target.closest('[data-jump]');
  if (jump) {
    event.preventDefault();
    dialog.querySelector('#' + jump.dataset.jump).scrollIntoView({block: 'start', behavior: 'smooth'});
  }
});
