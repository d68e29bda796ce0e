// The page: what is on it, and how labels get onto it.

const SVG = 'http://www.w3.org/2000/svg';

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

// Kept, since making one takes longer than using it a hundred times.
const FORMATS = [0, 3].map(digits => new Intl.NumberFormat('en', {minimumFractionDigits: digits, maximumFractionDigits: digits}));
const number = value => FORMATS[0].format(value);
const fraction = value => FORMATS[1].format(value);

class View {
  constructor(cells) {
    this.cells = cells;
    this.order = new Uint32Array(0);
    this.page = 0;
    this.at = 0;
    this.anchor = 0;
    this.selected = new Set();
    this.unsaved = 0;
    this.settings = this.readSettings();
    this.seen = new IntersectionObserver(entries => {
      for (const entry of entries) if (entry.isIntersecting) this.fill(entry.target);
    }, {rootMargin: '400px'});
    this.fillControls();
    this.choose();
    new ResizeObserver(() => {
      const header = document.querySelector('header');
      const sticky = getComputedStyle(header).position === 'sticky';
      document.body.style.setProperty('--head', `${sticky ? header.offsetHeight + 12 : 0}px`);
    }).observe(document.querySelector('header'));
  }

  // Choices of this browser, for all runs; losing them costs nothing.
  readSettings() {
    try { return JSON.parse(localStorage.getItem('tilepool-review-settings')) || {}; } catch (error) { return {}; }
  }
  keepSettings() {
    try { localStorage.setItem('tilepool-review-settings', JSON.stringify(this.settings)); } catch (error) { return; }
  }

  fillControls() {
    const {run} = this.cells;
    const fill = (id, names, first) => {
      if (first) byId(id).append(element('option', {value: '', textContent: first}));
      for (const [value, text] of names) byId(id).append(element('option', {value, textContent: text}));
    };
    const perClass = new Array(run.classes.length).fill(0);
    for (const index of this.cells.classes) perClass[index]++;
    fill('class', run.classes.map((name, i) => [i, `${name} (${number(perClass[i])})`]));
    byId('class').value = String(Math.max(0, perClass.findIndex(count => count > 0)));
    fill('slide', run.slides.map((slide, i) => [i, slide.id]), 'all');
    const groups = [...new Set(run.slides.map(slide => slide.group))].filter(group => group !== '').sort();
    fill('group', groups.map(group => [group, group]), 'all');
    byId('group').closest('label').hidden = groups.length === 0;
    byId('scores').hidden = !this.cells.score;
    byId('areas').hidden = !this.cells.area;
    for (const option of [...byId('sort').options])
      if ((option.value === 'uncertain' && !this.cells.score) ||
          (/est$/.test(option.value) && !this.cells.area)) option.remove();
    byId('annotator').value = this.settings.annotator || '';
    byId('blind').checked = this.settings.blind === true;
    const part = run.n < run.n_run ? `${number(run.n)} of the run’s ${number(run.n_run)} cells` : `${number(run.n)} cells`;
    byId('cohort').textContent = `${part}, ${number(run.slides.length)} slide${run.slides.length === 1 ? '' : 's'}`;
  }

  // Class or annotator changed: their labels, and all that follows.
  choose() {
    if (this.unsaved) {
      this.downloadJson();
      this.unsaved = 0;
      this.warn('');
    }
    this.labels = new Labels(this.cells, Number(byId('class').value || 0), byId('annotator').value.trim());
    this.tellSaved(this.labels.labelled().length ? 'labels of this browser are loaded' : '');
    this.arrange();
  }

  filter() {
    const {cells, labels} = this;
    const value = id => byId(id).value;
    const blind = byId('blind').checked;
    const limit = (id, otherwise) => {
      const typed = value(id).trim().replace(',', '.');
      return typed === '' || Number.isNaN(Number(typed)) ? otherwise : Number(typed);
    };
    const within = (column, name) => {
      const [min, max] = [limit(`${name}-min`, -Infinity), limit(`${name}-max`, Infinity)];
      if (!column || (min === -Infinity && max === Infinity)) return () => true;
      return i => column[i] >= min && column[i] <= max;
    };
    const area = within(cells.area, 'area');
    const score = blind ? () => true : within(cells.score, 'score');
    const slide = blind || value('slide') === '' ? null : Number(value('slide'));
    const group = blind || value('group') === '' ? null : value('group');
    const label = value('label') === '' ? null : Number(value('label'));
    return i => cells.classes[i] === labels.classIndex && (slide === null || cells.slide[i] === slide) &&
      (group === null || cells.slideOf(i).group === group) && (label === null || labels.of[i] === label) &&
      area(i) && score(i);
  }

  // The order stays as it is while labels are given, so that nothing jumps.
  arrange() {
    const blind = byId('blind').checked;
    document.body.classList.toggle('blind', blind);
    byId('sort').disabled = blind;
    this.order = this.cells.order(this.filter(), blind ? 'random' : byId('sort').value);
    this.page = 0;
    this.at = 0;
    this.show();
    this.count();
    this.say(`${number(this.order.length)} cells`);
  }

  get perPage() { return Number(byId('per-page').value); }
  get pages() { return Math.max(1, Math.ceil(this.order.length / this.perPage)); }
  get current() { return this.order[this.page * this.perPage + this.at]; }

  show() {
    const begin = this.page * this.perPage;
    this.shown = this.order.subarray(begin, begin + this.perPage);
    this.selected.clear();
    this.anchor = this.at;
    this.seen.disconnect();
    this.cards = [...this.shown].map((cell, at) => this.card(cell, at));
    byId('grid').replaceChildren(...this.cards);
    for (const card of this.cards) this.seen.observe(card);
    const none = this.shown.length === 0;
    byId('empty').hidden = !none;
    byId('grid').hidden = none;
    byId('empty').textContent = this.cells.n === 0 ? 'This run has no cells.' :
      'No cell passes these filters.';
    byId('where').textContent = none ? 'no cells' :
      `${number(begin + 1)}–${number(begin + this.shown.length)} of ${number(this.order.length)} · page ${number(this.page + 1)} of ${number(this.pages)}`;
    byId('previous').disabled = this.page === 0;
    byId('next').disabled = this.page + 1 >= this.pages;
    this.mark();
  }

  card(cell, at) {
    const card = element('div', {className: 'card', id: `cell-${at}`, tabIndex: -1});
    card.setAttribute('role', 'option');
    card.setAttribute('aria-selected', 'false');
    card.append(element('span', {className: 'tag'}));
    card.at = at;
    this.paint(card, cell);
    return card;
  }

  // The label of a card, for eyes and ears.
  paint(card, cell) {
    const label = this.labels.of[cell];
    card.dataset.label = label;
    card.querySelector('.tag').textContent = ['', 'Y', 'N', '?'][label];
    const area = this.cells.area ? `, ${number(this.cells.area[cell])} square micrometres` : '';
    const slide = byId('blind').checked ? '' : `, slide ${this.cells.slideOf(cell).id}`;
    card.setAttribute('aria-label', `Cell ${card.at + 1}, ${WORDS[label]}${area}${slide}`);
  }

  // Crop and contour, when the card comes near the window.
  fill(card) {
    this.seen.unobserve(card);
    if (card.querySelector('.crop')) return;
    card.prepend(...this.picture(this.shown[card.at]));
  }

  picture(cell) {
    const {cells} = this;
    if (!cells.picture[cell]) {
      const why = byId('blind').checked ? '' : `: ${cells.slideOf(cell).problem}`;
      return [element('div', {className: 'crop none', textContent: `No picture${why}`})];
    }
    const place = cells.place(cell);
    const crop = element('div', {className: 'crop'});
    const part = (at, of) => of > 1 ? `${100 * at / (of - 1)}%` : '0%';
    crop.style.backgroundImage = `url("${place.url}")`;
    crop.style.backgroundSize = `${100 * place.columns}% ${100 * place.rows}%`;
    crop.style.backgroundPosition = `${part(place.column, place.columns)} ${part(place.row, place.rows)}`;
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${cells.run.crop_px} ${cells.run.crop_px}`);
    svg.setAttribute('aria-hidden', 'true');
    for (const name of ['halo', 'line']) {
      const path = document.createElementNS(SVG, 'path');
      path.setAttribute('class', name);
      svg.append(path);
    }
    cells.contour(cell, d => { for (const path of svg.children) path.setAttribute('d', d); });
    return [crop, svg, this.scale(cell)];
  }

  // The longest round length of at most 40 % of the crop.
  scale(cell) {
    const {mpp} = this.cells.slideOf(cell);
    const across = this.cells.run.crop_px * (mpp || 1);
    const length = [500, 200, 100, 50, 20, 10, 5, 2, 1].find(l => l <= 0.4 * across) || 1;
    const bar = element('div', {className: 'scale', textContent: `${length} ${mpp ? 'µm' : 'px'}`});
    bar.style.width = `${100 * length / across}%`;
    return bar;
  }

  // The current cell, the selection and what is told of them.
  mark(focus = false) {
    document.querySelector('.card.current')?.classList.remove('current');
    document.querySelector('.card[tabindex="0"]')?.setAttribute('tabindex', '-1');
    const card = this.cards[this.at];
    if (card) {
      card.classList.add('current');
      card.tabIndex = 0;
      if (focus) {
        card.focus({preventScroll: true});
        card.scrollIntoView({block: 'nearest'});
      }
    }
    this.tellSelection();
    this.inspect();
  }

  tellSelection() {
    for (const card of this.cards) {
      const text = String(this.selected.has(card.at));
      if (card.getAttribute('aria-selected') !== text) card.setAttribute('aria-selected', text);
    }
    byId('chosen').textContent = this.selected.size ?
      `${number(this.selected.size)} selected: a label goes to all of them` : '';
  }

  inspect() {
    const cell = this.current;
    const none = cell === undefined;
    for (const button of document.querySelectorAll('[data-label].yes,[data-label].no,[data-label].unsure'))
      if (button.tagName === 'BUTTON') {
        button.disabled = none;
        button.setAttribute('aria-pressed', String(!none && this.labels.of[cell] === Number(button.dataset.label)));
      }
    byId('undo').disabled = this.labels.done.length === 0;
    byId('redo').disabled = this.labels.undone.length === 0;
    if (cell === this.inspected && !none) return;
    this.inspected = cell;
    byId('large').replaceChildren(...(none ? [] : this.picture(cell)));
    this.tellFacts(cell);
    this.showContext(cell);
  }

  tellFacts(cell) {
    if (cell === undefined) return byId('facts').replaceChildren();
    const {cells} = this;
    const slide = cells.slideOf(cell);
    const facts = [['Slide', slide.id, true], ['Group', slide.group, true]];
    if (cells.area) facts.push(['Area', `${number(cells.area[cell])} µm²`]);
    if (cells.score && !Number.isNaN(cells.score[cell])) facts.push(['Score', fraction(cells.score[cell]), true]);
    facts.push(['Place', `${number(cells.x[cell])}, ${number(cells.y[cell])} px`, true], ['uid', cells.uid(cell)]);
    byId('facts').replaceChildren(...facts.filter(([, text]) => text !== '').flatMap(([name, text, open]) => {
      const className = open ? 'open' : '';
      return [element('dt', {className, textContent: name}), element('dd', {className, textContent: text})];
    }));
  }

  showContext(cell) {
    const slide = cell === undefined ? null : this.cells.slideOf(cell);
    if (!slide || slide.context === null) return byId('context').replaceChildren();
    const dot = element('i');
    dot.style.left = `${100 * this.cells.x[cell] / slide.width}%`;
    dot.style.top = `${100 * this.cells.y[cell] / slide.height}%`;
    byId('context').replaceChildren(
      element('img', {src: `slides/${slide.context}.webp`, alt: 'The whole slide; a dot marks the cell'}), dot);
  }

  count() {
    const counts = this.labels.counts();
    const all = counts.reduce((sum, count) => sum + count, 0);
    const labelled = all - counts[NONE];
    const bold = text => element('b', {textContent: text});
    byId('counts').replaceChildren(
      element('span', {}, bold(number(counts[YES])), ' yes'), element('span', {}, bold(number(counts[NO])), ' no'),
      element('span', {}, bold(number(counts[UNSURE])), ' unsure'),
      element('span', {}, bold(number(counts[NONE])), ` of ${number(all)} unlabelled`));
    byId('bar').setAttribute('aria-valuemax', all);
    byId('bar').setAttribute('aria-valuenow', labelled);
    byId('bar').setAttribute('aria-valuetext', `${labelled} of ${all} labelled`);
    [YES, NO, UNSURE].forEach((label, i) => {
      byId('bar').children[i].style.width = `${all ? 100 * counts[label] / all : 0}%`;
    });
    byId('json').disabled = byId('csv').disabled = labelled === 0;
  }

  // What every change of labels ends with.
  changed(cells, what) {
    if (cells.length === 0) return;
    const places = new Map([...this.shown].map((cell, at) => [cell, at]));
    for (const cell of cells)
      if (places.has(cell)) this.paint(this.cards[places.get(cell)], cell);
    this.save(cells.length);
    this.count();
    this.say(what);
  }

  save(changes) {
    try {
      this.labels.save();
      this.unsaved = 0;
      this.warn('');
      this.tellSaved('saved in this browser');
    } catch (error) {
      const before = this.unsaved;
      this.unsaved += changes;
      this.tellSaved('NOT saved');
      this.warn(`Labels cannot be kept in this browser (${error.name}): its store for pages opened from files is full ` +
        'or switched off. They are downloaded instead, now and after every 25 labels. Keep this page open until the ' +
        'last download, and import the newest file next time.');
      if (before === 0 || Math.floor(before / 25) !== Math.floor(this.unsaved / 25)) this.downloadJson();
    }
  }

  warn(text) {
    byId('warning').hidden = text === '';
    if (byId('warning').textContent !== text) byId('warning').textContent = text;
  }
  tellSaved(text) { byId('saved').textContent = text; }
  say(text) { byId('live').textContent = text; }

  // Labels the selection, or the current cell and moves on.
  label(label) {
    if (this.current === undefined) return;
    const many = this.selected.size > 0;
    const list = many ? [...this.selected].sort((a, b) => a - b).map(at => this.shown[at]) : [this.current];
    const what = label === NONE ? 'label taken away' : WORDS[label];
    this.changed(this.labels.set(list, label), many ? `${list.length} cells: ${what}` : what);
    if (many) {
      this.selected.clear();
      this.mark(true);
    } else {
      this.move(label === NONE ? 0 : 1);
    }
  }

  undo() { this.goBack(this.labels.undo(), 'undone'); }
  redo() { this.goBack(this.labels.redo(), 'done again'); }
  goBack(cells, what) {
    this.changed(cells, what);
    if (cells.length) this.goTo(this.order.indexOf(cells[0]));
  }

  // To a position of the order, on whatever page; -1: it is not in it.
  goTo(position) {
    if (position < 0) return this.mark(true);
    const page = Math.floor(position / this.perPage);
    this.at = position % this.perPage;
    if (page !== this.page) {
      this.page = page;
      this.show();
    }
    this.anchor = this.at;
    this.mark(true);
  }

  move(by, select = false) {
    const position = this.page * this.perPage + this.at + by;
    if (position < 0 || position >= this.order.length) return this.mark(true);
    if (!select) {
      this.selected.clear();
      return this.goTo(position);
    }
    this.at = Math.min(Math.max(this.at + by, 0), this.shown.length - 1);
    this.selectRange();
  }

  selectRange() {
    this.selected.clear();
    for (let at = Math.min(this.anchor, this.at); at <= Math.max(this.anchor, this.at); at++) this.selected.add(at);
    this.mark(true);
  }

  toggleSelected(at) {
    if (!this.selected.delete(at)) this.selected.add(at);
    this.at = this.anchor = at;
    this.mark(true);
  }

  turnPage(by) {
    const page = this.page + by;
    if (page < 0 || page >= this.pages) return;
    this.page = page;
    this.at = 0;
    this.show();
    scrollTo(0, 0);
    this.mark(true);
    this.say(`page ${page + 1} of ${this.pages}`);
  }

  // After the current cell, else from the beginning.
  nextUnlabelled() {
    const from = this.page * this.perPage + this.at + 1;
    const n = this.order.length;
    for (let step = 0; step < n; step++) {
      const position = (from + step) % n;
      if (this.labels.of[this.order[position]] === NONE) {
        this.selected.clear();
        return this.goTo(position);
      }
    }
    this.say('all of these cells are labelled');
  }

  columns() {
    const top = this.cards[0].offsetTop;
    const below = this.cards.findIndex(card => card.offsetTop !== top);
    return below < 0 ? this.cards.length : below;
  }

  fileName(ending) {
    const plain = text => text.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, 60);
    const name = this.cells.run.classes[this.labels.classIndex];
    return ['labels', plain(name), plain(this.labels.annotator)].filter(part => part).join('-') + ending;
  }
  downloadJson() { download(this.fileName('.json'), 'application/json', this.labels.json()); }
  downloadCsv() { download(this.fileName('.csv'), 'text/csv', this.labels.csv()); }

  async import(file) {
    let read;
    try { read = parseLabels(await file.text()); } catch (error) {
      return this.warn(`${file.name} cannot be imported: ${error.message}.`);
    }
    const {run} = this.cells;
    const name = run.classes[this.labels.classIndex];
    if (read.className !== undefined && read.className !== name)
      return this.warn(`${file.name} has labels of the class “${read.className}”, this page shows “${name}”: ` +
        (run.classes.includes(read.className) ? 'choose that class first.' : 'this run has no such class.'));
    const found = read.pairs.map(([uid, label]) => [this.cells.find(uid), label])
      .filter(([cell]) => cell !== undefined && this.cells.classes[cell] === this.labels.classIndex);
    const fresh = found.filter(([cell]) => this.labels.of[cell] === NONE);
    const conflicts = found.filter(([cell, label]) => ![NONE, label].includes(this.labels.of[cell]));
    const foreign = read.pairs.length - found.length;
    const other = read.pipeline !== undefined && read.pipeline !== run.pipeline_id;
    const answer = await this.ask(
      `${file.name}: ${fresh.length} new, ${found.length - fresh.length - conflicts.length} the same, ` +
      `${conflicts.length} in conflict with labels here` +
      `${foreign ? `, ${foreign} of cells that this page does not have (left out)` : ''}.` +
      `${other ? ' The file is of another pipeline; its cells may be others.' : ''}`, conflicts.length);
    if (!answer) return this.say('nothing imported');
    const taken = answer === 'theirs' ? [...fresh, ...conflicts] : fresh;
    this.changed(this.labels.set(taken.map(([cell]) => cell), taken.map(([, label]) => label)),
                 `${taken.length} labels imported`);
    this.mark();
  }

  ask(text, conflicts) {
    const dialog = byId('ask');
    byId('ask-text').textContent = text;
    byId('ask-theirs').textContent = conflicts ? 'Take the file’s' : 'Import';
    byId('ask-mine').hidden = conflicts === 0;
    dialog.returnValue = '';
    dialog.showModal();
    return new Promise(done => dialog.addEventListener('close', () => done(dialog.returnValue), {once: true}));
  }
}
