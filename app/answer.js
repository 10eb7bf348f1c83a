// What a reader does on an answer: open letters, change filters, compare, judge, save. Links that name a letter work
// without this script too.
const COMPARED_AT_MOST = 4;
const chosen = new Map();
let refocus = null;

const result = () => element.querySelector('.imr-result');
const say = (words) => {
  const place = element.querySelector('.imr-tools .imr-said');
  if (place) place.textContent = words;
};

const addressOf = ({question, refinement}) => {
  const address = new URL(window.location);
  ['q', 'r', 'letter', 'item'].forEach((name) => address.searchParams.delete(name));
  if (question) address.searchParams.set('q', question);
  if (refinement) address.searchParams.set('r', refinement);
  return address;
};

const askAgain = (question, refinement, by = '') => {
  element.classList.add('imr-busy');
  element.setAttribute('aria-busy', 'true');
  trigger('edit', {question, refinement, by});
};

const showChosen = () => {
  const bar = element.querySelector('.imr-choosing');
  if (!bar) return;
  bar.hidden = chosen.size === 0;
  bar.querySelector('[role=status]').textContent =
    chosen.size === 1 ? '1 chosen; choose one more to compare' : `${chosen.size} chosen`;
  bar.querySelector('[data-do=compare]').disabled = chosen.size < 2;
  element.querySelectorAll('[data-choose]').forEach((box) => {
    box.checked = chosen.has(`${box.dataset.letter} ${box.dataset.item}`);
    box.disabled = !box.checked && chosen.size >= COMPARED_AT_MOST;
  });
};

const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
};

const deeds = {
  refine: (button) => {
    refocus = button.dataset.facet || '';
    askAgain(result().dataset.question, button.dataset.refinement);
  },
  askmodel: (button) => {
    refocus = '';
    button.disabled = true;
    button.textContent = 'Asking …';
    askAgain(result().dataset.question, result().dataset.refinement, 'model');
  },
  copy: async () => {
    await copy(addressOf(result().dataset).href);
    say('Link copied');
  },
  save: () => {
    window.dispatchEvent(new CustomEvent('imr-save', {detail: {...result().dataset}}));
    say('Saved in this browser');
  },
  judge: (button) => {
    const {letter, item, verdict} = button.dataset;
    const {question, refinement} = result().dataset;
    const thumbs = button.closest('.imr-thumbs');
    thumbs.querySelectorAll('button').forEach((one) => one.setAttribute('aria-pressed', String(one === button)));
    trigger('like', {letter, item: Number(item), verdict, question, refinement});
  },
  compare: (button) => {
    window.imrOpener = button;
    trigger('submit', {items: [...chosen.values()]});
  },
  unchoose: () => {
    chosen.clear();
    showChosen();
  },
};

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-do]');
  if (button && deeds[button.dataset.do]) deeds[button.dataset.do](button);
  const link = event.target.closest('a[data-letter]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  window.imrOpener = link;
  trigger('select', {letter: link.dataset.letter, item: Number(link.dataset.item)});
});

element.addEventListener('change', (event) => {
  const box = event.target.closest('[data-choose]');
  if (!box) return;
  const {letter, item} = box.dataset;
  if (box.checked) chosen.set(`${letter} ${item}`, {letter, item: Number(item)});
  else chosen.delete(`${letter} ${item}`);
  showChosen();
});

window.addEventListener('imr-ask', ({detail}) => {
  if (element.id === 'imr-answer' || element.closest('#imr-answer')) askAgain(detail.question, detail.refinement);
});

// Back and forward ask again what the address asks.
window.addEventListener('popstate', () => {
  if (element.id !== 'imr-answer' && !element.closest('#imr-answer')) return;
  const asked = new URL(window.location).searchParams;
  if (asked.has('q') || asked.has('r')) askAgain(asked.get('q') || '', asked.get('r') || '');
  else window.location.reload();
});

// After an answer: the address asks for it again, the facets fold on narrow screens, the focus finds its place.
const settle = () => {
  element.classList.remove('imr-busy');
  element.removeAttribute('aria-busy');
  const shown = result();
  if (!shown) return;
  const before = settle.asked;
  const asked = `${shown.dataset.question}\n${shown.dataset.refinement}`;
  if (before !== asked) chosen.clear();
  settle.asked = asked;
  const address = addressOf(shown.dataset);
  if (address.href !== window.location.href) {
    const step = before === undefined ? 'replaceState' : 'pushState';
    window.history[step](window.history.state, '', address);
  }
  const facets = shown.querySelector('.imr-facets');
  if (facets && window.matchMedia('(max-width: 900px)').matches) facets.open = settle.unfolded === true;
  if (facets) facets.addEventListener('toggle', () => { settle.unfolded = facets.open; });
  if (refocus !== null) {
    const again = refocus && shown.querySelector(`[data-facet="${CSS.escape(refocus)}"]`);
    (again || shown.querySelector('.imr-total') || shown.querySelector('h2'))?.focus({preventScroll: !again});
    refocus = null;
  }
  showChosen();
  window.dispatchEvent(new CustomEvent('imr-answered', {detail: {...shown.dataset}}));
};
// What was not there when this search was last looked at.
window.addEventListener('imr-new', ({detail}) => {
  const cards = [...(result()?.querySelectorAll('.imr-card[data-id]') || [])];
  cards.filter((card) => detail.ids.includes(card.dataset.id)).forEach((card) => {
    const mark = document.createElement('span');
    mark.className = 'imr-fresh';
    mark.textContent = 'New since last time';
    card.prepend(mark);
  });
  say(detail.ids.length === 1 ? '1 new one is marked' : `${detail.ids.length} new ones are marked`);
});
watch('value', settle);
settle();
