// Keys, buttons and the mouse.

let view = null;
let loaded = null;

// The files of the folder call these two; a page may load them in any order.
function tilepoolCells(told) { loaded = new Cells(told); }
function tilepoolContours(file, base64) { loaded.takeContours(file, base64); }

function toggle(id) { byId(id).click(); }

const KEYS = {
  y: () => view.label(YES), n: () => view.label(NO), u: () => view.label(UNSURE),
  0: () => view.label(NONE), Delete: () => view.label(NONE),
  z: () => view.undo(), Z: () => view.redo(),
  ArrowRight: shift => view.move(1, shift), ArrowLeft: shift => view.move(-1, shift),
  ArrowDown: shift => view.move(view.columns(), shift), ArrowUp: shift => view.move(-view.columns(), shift),
  Home: () => view.goTo(view.page * view.perPage),
  End: () => view.goTo(view.page * view.perPage + view.shown.length - 1),
  PageDown: () => view.turnPage(1), PageUp: () => view.turnPage(-1),
  ' ': () => view.toggleSelected(view.at),
  a: () => { view.shown.forEach((cell, at) => view.selected.add(at)); view.mark(true); },
  Escape: () => { view.selected.clear(); view.mark(true); },
  j: () => view.nextUnlabelled(),
  c: () => toggle('contours'), b: () => toggle('blind'), '?': () => byId('keys').showModal(),
};
const WITH_CONTROL = {z: 'z', Z: 'Z', y: 'Z', a: 'a'};
const NEEDS_CELL = /^(Arrow.*|Home|End| )$/;

function keyOf(event) {
  if (event.altKey) return null;
  if (event.ctrlKey || event.metaKey) return WITH_CONTROL[event.key] || null;
  if (event.key.length === 1 && event.key !== ' ' && !byId('letters').checked) return null;
  return event.key in KEYS ? event.key : event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
}

document.addEventListener('keydown', event => {
  if (!view || document.querySelector('dialog[open]')) return;
  const target = event.target;
  if (target.matches('select, textarea, input:not([type=checkbox])')) return;
  const key = keyOf(event);
  if (key === null || !(key in KEYS)) return;
  if (NEEDS_CELL.test(key) && (target.matches('button, input') || view.shown.length === 0)) return;
  event.preventDefault();
  KEYS[key](event.shiftKey);
});

function wireGrid() {
  byId('grid').addEventListener('click', event => {
    const card = event.target.closest('.card');
    if (!card) return;
    if (event.ctrlKey || event.metaKey) return view.toggleSelected(card.at);
    view.at = card.at;
    if (event.shiftKey) return view.selectRange();
    view.selected.clear();
    view.anchor = card.at;
    view.mark(true);
  });
  byId('grid').addEventListener('focusin', event => {
    const card = event.target.closest('.card');
    if (!card || card.at === view.at) return;
    view.at = card.at;
    view.mark();
  });
}

function wireControls() {
  for (const id of ['sort', 'label', 'slide', 'group', 'area-min', 'area-max', 'score-min', 'score-max', 'per-page'])
    byId(id).addEventListener('change', () => view.arrange());
  byId('class').addEventListener('change', () => view.choose());
  byId('annotator').addEventListener('change', () => {
    const nameless = view.labels.annotator === '' ? view.labels : null;
    view.settings.annotator = byId('annotator').value.trim();
    view.keepSettings();
    view.choose();
    // What was labelled before the name was given is of that name.
    if (!nameless || view.labels.annotator === '' || view.labels.labelled().length) return;
    const list = nameless.labelled();
    view.changed(view.labels.set(list, list.map(i => nameless.of[i])), `${list.length} labels taken over`);
    if (list.length && view.unsaved === 0) localStorage.removeItem(nameless.key);
  });
  byId('blind').addEventListener('change', () => {
    view.settings.blind = byId('blind').checked;
    view.keepSettings();
    view.arrange();
  });
  byId('contours').addEventListener('change', () =>
    document.body.classList.toggle('plain', !byId('contours').checked));
  const style = (id, name, text) => byId(id).addEventListener('input', () =>
    document.body.style.setProperty(name, text(byId(id).value)));
  style('brightness', '--bright', value => value / 100);
  style('contrast', '--contrast', value => value / 100);
  style('size', '--card', value => `${value}px`);
}

function wireButtons() {
  const press = (id, act) => byId(id).addEventListener('click', act);
  press('previous', () => view.turnPage(-1));
  press('next', () => view.turnPage(1));
  press('unlabelled', () => view.nextUnlabelled());
  press('undo', () => view.undo());
  press('redo', () => view.redo());
  for (const button of document.querySelectorAll('.answers [data-label]'))
    button.addEventListener('click', () => view.label(Number(button.dataset.label)));
  press('json', () => view.downloadJson());
  press('csv', () => view.downloadCsv());
  press('help', () => byId('keys').showModal());
  press('import', () => byId('file').click());
  byId('file').addEventListener('change', async () => {
    const [file] = byId('file').files;
    if (file) await view.import(file);
    byId('file').value = '';
  });
}

function start() {
  if (!loaded) return;
  view = new View(loaded);
  wireGrid();
  wireControls();
  wireButtons();
  // The same page in another tab.
  addEventListener('storage', event => {
    if (event.key === view.labels.key && view.unsaved === 0) view.choose();
  });
  addEventListener('beforeunload', event => { if (view.unsaved) event.preventDefault(); });
  performance.mark('tilepool-ready');
  document.body.dataset.ready = 'yes';
}

function load() {
  const script = document.createElement('script');
  script.src = 'cells.js';
  script.onload = start;
  script.onerror = () => {
    byId('warning').hidden = false;
    byId('warning').textContent = 'cells.js is not beside this page: keep the whole folder together.';
  };
  document.head.append(script);
}
load();
