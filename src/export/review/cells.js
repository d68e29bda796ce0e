'use strict';
// Cells: what cells.js of the folder holds, their contours, and which of them are shown in what order.

const byId = id => document.getElementById(id);

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

class Cells {
  constructor(told) {
    this.run = told;
    this.n = told.n;
    const column = (name, Type) =>
      name in told.columns ? new Type(bytesOf(told.columns[name]).buffer) : null;
    this.halves = column('uid', Uint32Array);
    this.classes = column('class', Uint8Array);
    this.x = column('x', Float32Array);
    this.y = column('y', Float32Array);
    this.area = column('area', Float32Array);
    this.score = column('score', Float32Array);
    this.picture = column('picture', Uint8Array);
    this.slide = new Uint32Array(this.n);
    told.slides.forEach((slide, s) => this.slide.fill(s, slide.begin, slide.end));
    this.contours = new Map();
    this.waiting = new Map();
    this.byUid = null;
  }

  uid(i) {
    const hex = half => half.toString(16).padStart(8, '0');
    return hex(this.halves[2 * i + 1]) + hex(this.halves[2 * i]);
  }

  // The cell with this uid; undefined: there is none.
  find(uid) {
    if (!this.byUid) {
      this.byUid = new Map();
      for (let i = 0; i < this.n; i++) this.byUid.set(this.uid(i), i);
    }
    return this.byUid.get(uid);
  }

  slideOf(i) { return this.run.slides[this.slide[i]]; }

  // Where on which sheet the crop of cell i lies.
  place(i) {
    const {sheet_cells: most, sheet_columns: columns} = this.run;
    const slide = this.slideOf(i);
    const at = i - slide.begin;
    const first = at - at % most;
    const rows = Math.ceil(Math.min(most, slide.end - slide.begin - first) / columns);
    return {url: `sheets/${String(slide.sheet + first / most).padStart(6, '0')}.webp`,
            column: at % most % columns, row: Math.floor(at % most / columns), columns, rows};
  }

  // Calls back with the path of the contour, in crop pixels, when its file is there.
  contour(i, use) {
    const file = Math.floor(i / this.run.contour_cells);
    const draw = () => use(this.path(this.contours.get(file), i % this.run.contour_cells));
    if (this.contours.has(file)) return draw();
    if (this.waiting.has(file)) return void this.waiting.get(file).push(draw);
    this.waiting.set(file, [draw]);
    const script = document.createElement('script');
    script.src = `contours/${String(file).padStart(6, '0')}.js`;
    script.onload = () => script.remove();
    document.head.append(script);
  }

  takeContours(file, base64) {
    const bytes = bytesOf(base64);
    const n = Math.min(this.run.contour_cells, this.n - file * this.run.contour_cells);
    const counts = new Uint16Array(bytes.buffer, 0, n);
    const begin = new Uint32Array(n + 1);
    counts.forEach((count, i) => { begin[i + 1] = begin[i] + count; });
    this.contours.set(file, {begin, points: new Int16Array(bytes.buffer, 2 * n)});
    for (const draw of this.waiting.get(file) || []) draw();
    this.waiting.delete(file);
  }

  path({begin, points}, i) {
    let path = '';
    for (let p = begin[i]; p < begin[i + 1]; p++)
      path += `${path ? 'L' : 'M'}${points[2 * p] / this.run.contour_steps} ` +
              `${points[2 * p + 1] / this.run.contour_steps}`;
    return path + 'Z';
  }

  // By a hash of the uid, the same each time. One number holds 28 bits of it and the cell, as numbers
  // sort much faster than by a comparison in script.
  shuffled(chosen) {
    const both = Float64Array.from(chosen, i =>
      ((this.halves[2 * i] ^ Math.imul(this.halves[2 * i + 1], 0x9e3779b1)) >>> 4) * 2 ** 24 + i);
    return Uint32Array.from(both.sort(), value => value % 2 ** 24);
  }

  // The cells that pass `filter`, in the order that `sort` names. Equal keys stay in file order.
  order(filter, sort) {
    const chosen = [];
    for (let i = 0; i < this.n; i++) if (filter(i)) chosen.push(i);
    if (sort === 'slide') return Uint32Array.from(chosen);
    if (sort === 'random') return this.shuffled(chosen);
    const key = {
      smallest: i => this.area[i],
      largest: i => -this.area[i],
      uncertain: i => Math.abs(this.score[i] - 0.5),
    }[sort];
    const keys = new Float64Array(this.n);
    for (const i of chosen) { const k = key(i); keys[i] = Number.isNaN(k) ? Infinity : k; }
    return Uint32Array.from(chosen).sort((a, b) => keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : a - b);
  }
}
