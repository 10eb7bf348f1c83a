// Saved searches live in this browser's localStorage alone: what was asked, and which ids were seen.
const KEY = 'imr-saved-searches';
const MOST = 30;

const read = () => {
  try {
    const kept = JSON.parse(window.localStorage.getItem(KEY) || '[]');
    return Array.isArray(kept) ? kept.slice(0, MOST) : [];
  } catch {
    return [];
  }
};
const write = (searches) => {
  try {
    window.localStorage.setItem(KEY, JSON.stringify(searches.slice(0, MOST)));
  } catch {
    // no storage is to be had: nothing is kept
  }
};
const same = (one, other) => one.question === other.question && one.refinement === other.refinement;
const entry = ({question, refinement, total, ids}) => ({
  question, refinement, total: Number(total), ids: ids ? ids.split(' ') : [], at: new Date().toISOString(),
});
const check = () => {
  const searches = read();
  if (searches.length || element.querySelector('.imr-saved')) trigger('input', {searches});
};

window.addEventListener('imr-save', ({detail}) => {
  const fresh = entry(detail);
  write([fresh, ...read().filter((search) => !same(search, fresh))]);
  check();
});
// A saved search whose answer is on the page has been seen.
window.addEventListener('imr-answered', ({detail}) => {
  const fresh = entry(detail);
  const searches = read();
  const before = searches.find((search) => same(search, fresh));
  if (!before) return;
  const ids = fresh.ids.filter((id) => !before.ids.includes(id));
  if (ids.length) window.dispatchEvent(new CustomEvent('imr-new', {detail: {ids}}));
  write(searches.map((search) => (same(search, fresh) ? fresh : search)));
  check();
});
element.addEventListener('click', (event) => {
  const {question, refinement} = event.target.closest('[data-question]')?.dataset || {};
  if (question === undefined) return;
  if (event.target.closest('[data-do=forget]')) {
    write(read().filter((search) => !same(search, {question, refinement})));
    check();
    element.querySelector('summary')?.focus();
  }
  const link = event.target.closest('a');
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    window.dispatchEvent(new CustomEvent('imr-ask', {detail: {question, refinement}}));
  }
});
let unfolded = false;
element.addEventListener('toggle', (event) => { unfolded = event.target.open; }, true);
watch('value', () => {
  const panel = element.querySelector('.imr-saved');
  if (panel) panel.open = unfolded;
});
setTimeout(check, 300);
