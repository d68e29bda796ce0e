// Labels: what people said of the cells of each class, where it is kept, and as files.

const NONE = 0, YES = 1, NO = 2, UNSURE = 3;
const WORDS = ['unlabelled', 'yes', 'no', 'unsure'];

// One class and annotator: 2 bits a cell in localStorage.
class Labels {
  constructor(cells, classIndex, annotator) {
    this.cells = cells;
    this.classIndex = classIndex;
    this.annotator = annotator;
    this.of = new Uint8Array(cells.n);
    this.times = new Map();
    this.done = [];
    this.undone = [];
    this.key = ['tilepool-review', cells.run.pipeline_id, cells.run.cells_id,
                cells.run.classes[classIndex], annotator].join('|');
    this.load();
  }

  load() {
    let kept = null;
    try { kept = localStorage.getItem(this.key); } catch (error) { return; }
    if (kept) this.unpack(kept);
  }

  // "<time of saving>|<base64>": a label's own time is not kept beyond the page's life.
  unpack(kept) {
    const bar = kept.indexOf('|');
    const bytes = bytesOf(kept.slice(bar + 1));
    const time = kept.slice(0, bar);
    for (let i = 0; i < this.of.length; i++) {
      this.of[i] = bytes[i >> 2] >> 2 * (i & 3) & 3;
      if (this.of[i] && !this.times.has(i)) this.times.set(i, time);
    }
  }

  pack() {
    const bytes = new Uint8Array(Math.ceil(this.of.length / 4));
    for (let i = 0; i < this.of.length; i++) bytes[i >> 2] |= this.of[i] << 2 * (i & 3);
    let text = '';
    for (let i = 0; i < bytes.length; i += 8192)
      text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return `${new Date().toISOString()}|${btoa(text)}`;
  }

  // Throws where the browser keeps nothing more.
  save() { localStorage.setItem(this.key, this.pack()); }

  // Labels cells; `labels` is one for all or one for each. Returns the cells that changed.
  set(list, labels) {
    const changes = [];
    list.forEach((i, at) => {
      const to = Array.isArray(labels) ? labels[at] : labels;
      if (this.of[i] !== to) changes.push({i, from: this.of[i], to});
    });
    if (changes.length === 0) return [];
    this.done.push(changes);
    this.undone = [];
    this.apply(changes, 'to');
    return changes.map(change => change.i);
  }

  apply(changes, side) {
    const now = new Date().toISOString();
    for (const change of changes) {
      this.of[change.i] = change[side];
      this.times.set(change.i, now);
    }
  }

  step(from, to, side) {
    const changes = from.pop();
    if (!changes) return [];
    to.push(changes);
    this.apply(changes, side);
    return changes.map(change => change.i);
  }
  undo() { return this.step(this.done, this.undone, 'from'); }
  redo() { return this.step(this.undone, this.done, 'to'); }

  counts() {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < this.of.length; i++)
      if (this.cells.classes[i] === this.classIndex) counts[this.of[i]]++;
    return counts;
  }

  labelled() {
    const list = [];
    for (let i = 0; i < this.of.length; i++) if (this.of[i]) list.push(i);
    return list;
  }

  json() {
    const labels = {};
    for (const i of this.labelled())
      labels[this.cells.uid(i)] = {label: WORDS[this.of[i]], time: this.times.get(i)};
    return JSON.stringify({format: 'tilepool-labels', version: 1,
                           pipeline_id: this.cells.run.pipeline_id,
                           class: this.cells.run.classes[this.classIndex],
                           annotator: this.annotator, labels}, null, 1) + '\n';
  }

  csv() {
    const field = value => {
      const text = value === null || value === undefined || Number.isNaN(value) ? '' : String(value);
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const {cells} = this;
    const lines = [['uid', 'label', 'time', 'annotator', 'class', 'slide', 'group', 'x_px', 'y_px',
                    'area_um2', 'score']];
    for (const i of this.labelled())
      lines.push([cells.uid(i), WORDS[this.of[i]], this.times.get(i), this.annotator,
                  cells.run.classes[this.classIndex], cells.slideOf(i).id, cells.slideOf(i).group,
                  cells.x[i].toFixed(1), cells.y[i].toFixed(1), cells.area && cells.area[i],
                  cells.score && cells.score[i]]);
    return lines.map(line => line.map(field).join(',') + '\r\n').join('');
  }
}

// The labels in the text of a file: pairs of uid and label, and what the file says it is of. Throws
// an Error for people where it is none of the forms of docs/labels.md.
function parseLabels(text) {
  let file;
  try { file = JSON.parse(text); } catch (error) { throw Error(`it is no JSON (${error.message})`); }
  const pairs = [];
  const say = (uid, word) => {
    const label = WORDS.indexOf(word, 1);
    if (label < 0) throw Error(`the label of ${uid} is ${JSON.stringify(word)}; expected yes, no or unsure`);
    pairs.push([uidText(uid), label]);
  };
  if (file && typeof file.labels === 'object' && file.format === 'tilepool-labels') {
    if (file.version !== 1) throw Error(`its version is ${file.version}; this page reads 1`);
    for (const [uid, entry] of Object.entries(file.labels)) say(uid, entry && entry.label);
  } else if (file && file.annotations && typeof file.annotations === 'object') {
    for (const [uid, word] of Object.entries(file.annotations)) say(uid, word);
  } else if (file && (file.positive || file.negative || file.unsure)) {
    for (const [list, word] of [['positive', 'yes'], ['negative', 'no'], ['unsure', 'unsure']])
      for (const uid of file[list] || []) say(uid, word);
  } else {
    throw Error('it has neither "labels", "annotations" nor "positive", "negative" and "unsure"');
  }
  return {pairs, pipeline: file.pipeline_id, className: file.class};
}

// 16 hex digits of a uid: they are, or 0x and hex, or decimal of any other length.
function uidText(uid) {
  const text = String(uid);
  if (/^[0-9a-f]{16}$/i.test(text)) return text.toLowerCase();
  if (typeof uid === 'number' && !Number.isSafeInteger(uid))
    throw Error(`the uid ${uid} is a number, which lost its last digits; write it as text`);
  if (/^0x[0-9a-f]{1,16}$/i.test(text) || /^[0-9]{1,20}$/.test(text))
    return BigInt(text).toString(16).padStart(16, '0');
  throw Error(`${JSON.stringify(text.slice(0, 40))} is no uid`);
}

function download(name, type, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
