// Inside a letter: it opens at the item's first evidence, and buttons or Alt with an arrow key jump between evidences.
const evidences = (dialog) => [...dialog.querySelectorAll('.imr-letter-text mark[data-label]')];

const stand = (dialog, at, {scroll = true} = {}) => {
  const marks = evidences(dialog);
  dialog.querySelectorAll('.imr-here').forEach((mark) => mark.classList.remove('imr-here'));
  dialog.dataset.at = at;
  const mark = marks[at];
  const told = dialog.querySelector('.imr-jumps [role=status]');
  if (!mark || !told) return;
  mark.classList.add('imr-here');
  told.textContent = `${at + 1} of ${marks.length}: ${mark.dataset.label}`;
  if (scroll) {
    const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    mark.scrollIntoView({block: 'center', behavior: calm ? 'auto' : 'smooth'});
    mark.tabIndex = -1;
    mark.focus({preventScroll: true});
  }
};

const jump = (dialog, step) => {
  const count = evidences(dialog).length;
  if (count) stand(dialog, (Number(dialog.dataset.at) + step + count) % count);
};

arrived.push((dialog) => {
  const marks = evidences(dialog);
  const jumps = dialog.querySelector('.imr-jumps');
  if (jumps) jumps.hidden = marks.length === 0;
  const target = dialog.querySelector('.imr-rationale.imr-current');
  const first = target && (target.querySelector('mark') || target);
  const at = target ? marks.findIndex((mark) => target.contains(mark)) : -1;
  stand(dialog, Math.max(at, 0), {scroll: false});
  if (first) {
    const body = dialog.querySelector('.imr-letter-body');
    body.scrollTop += first.getBoundingClientRect().top - body.getBoundingClientRect().top - body.clientHeight / 3;
  }
});

element.addEventListener('click', (event) => {
  const dialog = element.querySelector('dialog');
  const step = event.target.closest('[data-step]');
  if (step && dialog) jump(dialog, Number(step.dataset.step));
  const link = event.target.closest('[data-jump]');
  if (link && dialog) {
    event.preventDefault();
    const target = dialog.querySelector('#' + link.dataset.jump);
    target.scrollIntoView({block: 'start', behavior: 'smooth'});
    const at = evidences(dialog).findIndex((mark) => target.contains(mark));
    if (at >= 0) stand(dialog, at, {scroll: false});
  }
});
element.addEventListener('keydown', (event) => {
  const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  const dialog = element.querySelector('dialog');
  if (!step || !event.altKey || !dialog) return;
  event.preventDefault();
  jump(dialog, step);
});
