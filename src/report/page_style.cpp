#include <fmt/format.h>

#include "report/html.h"
#include "report/page.h"

namespace tilepool {
namespace {

constexpr char kHead[] = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
)";

}  // namespace

std::string page_opening(std::string_view title, std::string_view style) {
  return kHead + fmt::format("<title>{} – tilepool</title>\n<style>{}{}</style>\n</head>\n<body>\n",
                             escape_html(title), page_style(), style);
}

// Every pair of text and ground has a contrast of at least 4.5 (WCAG 2.1 AA), in both schemes.
std::string page_style() {
  return R"css(
:root{--ground:#fbfbfa;--panel:#fff;--ink:#1b2024;--muted:#566069;--rule:#dde0e3;--accent:#0b6472;
--soft:#e2eff1;--good:#2b6a3f;--goodsoft:#e4f0e7;--bad:#a2331c;--badsoft:#f8e7e2;--quietsoft:#eceef0}
@media (prefers-color-scheme:dark){:root{--ground:#14171a;--panel:#1b1f23;--ink:#e5e8ea;--muted:#a3adb5;
--rule:#31373d;--accent:#63c6d5;--soft:#17363c;--good:#85cf9b;--goodsoft:#193324;--bad:#f39b84;
--badsoft:#42211a;--quietsoft:#2a3036}}
*{box-sizing:border-box}
html{scroll-behavior:smooth}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"Noto Sans","Liberation Sans",Arial,sans-serif;font-variant-numeric:tabular-nums}
header,main{max-width:1180px;margin:0 auto;padding:0 24px}
header{padding-top:40px}
a{color:var(--accent)}
a:focus-visible,button:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
code,pre,.places{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.88em}
.kicker{margin:0;color:var(--muted);font-size:13px;letter-spacing:.04em}
h1{margin:2px 0 10px;font-size:30px;line-height:1.2;font-weight:600;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{margin:0 0 14px;padding-top:36px;font-size:20px;font-weight:600}
h3{margin:24px 0 8px;font-size:15px;font-weight:600;overflow-wrap:anywhere}
.lede{max-width:80ch;margin:0 0 4px;overflow-wrap:anywhere}
.sampling{max-width:80ch;margin:0}
.badge{display:inline-block;padding:1px 8px;border-radius:3px;font-size:12px;font-weight:600;line-height:1.6;
vertical-align:.1em;letter-spacing:0;white-space:nowrap;background:var(--quietsoft);color:var(--ink)}
h1 .badge{font-size:14px;vertical-align:.35em;margin-left:6px}
.badge.good{background:var(--goodsoft);color:var(--good)}
.badge.bad{background:var(--badsoft);color:var(--bad)}
.badge.live{background:var(--soft);color:var(--accent)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));margin:26px 0 0;
border-top:2px solid var(--ink);border-bottom:1px solid var(--rule)}
.figure{padding:14px 20px 14px 0;display:flex;flex-direction:column}
.figure dd{order:1;margin:0;font-size:30px;line-height:1.15;font-weight:600;letter-spacing:-.01em}
.figure dt{order:2;font-weight:600}
.figure p{order:3;margin:0;color:var(--muted);font-size:13px}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:2px 28px;margin:16px 0 0;font-size:13.5px}
.facts div{display:flex;gap:10px;min-width:0}
.facts dt{flex:none;min-width:118px;color:var(--muted)}
.facts dd{margin:0;min-width:0;overflow-wrap:anywhere}
.note{margin:18px 0 0;padding:10px 14px;border-left:3px solid var(--accent);background:var(--soft);font-size:13.5px;overflow-wrap:anywhere}
.note p{margin:0}
.note ul{margin:2px 0 0;padding-left:18px}
nav{display:flex;flex-wrap:wrap;gap:4px 22px;margin-top:22px;padding:10px 0;border-top:1px solid var(--rule);border-bottom:1px solid var(--rule);font-size:14px}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
.legend{display:flex;flex-wrap:wrap;gap:4px 22px;margin:0 0 16px;padding:0;list-style:none;color:var(--muted);font-size:13px}
.legend li{display:flex;align-items:center;gap:7px}
.key{width:16px;height:16px;background:#fff;border-radius:2px}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(272px,1fr));gap:20px}
.card{min-width:0;padding:0 0 12px;background:var(--panel);border:1px solid var(--rule);border-radius:4px;overflow:hidden;break-inside:avoid}
.picture{display:flex;align-items:center;justify-content:center;height:264px;padding:12px;border-bottom:1px solid var(--rule);background:var(--quietsoft);color:var(--muted);font-size:13px;text-align:center;overflow-wrap:anywhere}
.picture.empty{height:84px}
.picture svg{display:block;max-width:100%;max-height:240px;width:auto;height:auto}
.js .picture svg{cursor:zoom-in}
.card.large{grid-column:1/-1}
.card.large .picture{height:auto}
.card.large .picture svg{width:100%;max-height:85vh;cursor:zoom-out}
.card h3{margin:12px 14px 2px}
.card .reason{margin:0 14px 4px;color:var(--bad);font-size:13px;overflow-wrap:anywhere}
.card .reason.quiet{color:var(--muted)}
.card dl{margin:6px 14px 0;font-size:13.5px}
.card dl div{display:flex;gap:8px;padding:3px 0;border-top:1px solid var(--rule)}
.card dt{flex:none;width:84px;color:var(--muted)}
.card dd{margin:0;min-width:0;overflow-wrap:anywhere}
.slide{--mark:#00626f;--line:#20262b;--failed:#b3260b;--haloc:#fff;--bright:0}
.slide.dark{--mark:#4fe0f5;--line:#d8dee2;--failed:#ff8d70;--haloc:#000}
.slide path{vector-effect:non-scaling-stroke;fill:none;stroke-linejoin:round}
.slide .tissue{stroke:var(--line);stroke-opacity:.75;stroke-width:1}
.slide .pool{stroke:var(--line);stroke-opacity:.3;stroke-width:.6;fill:var(--line);fill-opacity:.05}
.slide .done{stroke:var(--mark);stroke-width:1.5;fill:var(--mark);fill-opacity:.3}
.slide .wait{stroke:var(--mark);stroke-width:1.4;stroke-dasharray:2.5 2}
.slide .fail{stroke:var(--failed);stroke-width:1.5;fill:var(--failed);fill-opacity:.15}
.slide .cells{image-rendering:pixelated}
#show-tissue:not(:checked)~.cards .tissue,#show-cells:not(:checked)~.cards .cells,
#show-tiles:not(:checked)~.cards :is(.pool,.done,.wait,.fail,.halo,.cross){display:none}
#show-cells:checked~.cards .slide:has(.cells)>image{filter:saturate(.35) contrast(.5) brightness(1.35)}
#show-cells:checked~.cards .slide.dark:has(.cells)>image{filter:contrast(.5) brightness(.5)}
#show-cells:checked~.cards .slide:has(.cells) .done:not(.dense){stroke-width:1.1;fill-opacity:.04}
#show-cells:checked~.cards .slide:has(.cells) .done.dense{fill-opacity:.2}
.show{display:inline-block;padding-bottom:12px;margin-right:10px;vertical-align:middle;color:var(--muted)}
input[type=checkbox]{width:16px;height:16px;margin:0 6px 12px 0;vertical-align:middle;accent-color:var(--accent)}
input+label{margin-right:18px;vertical-align:middle;display:inline-block;padding-bottom:12px;cursor:pointer}
input:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.slide .dense{stroke:none;fill-opacity:.7}
.slide .pool.dense{fill-opacity:.12}
.slide .wait.dense{fill:var(--mark);fill-opacity:.3}
.slide .halo{stroke:var(--haloc);stroke-width:3.6;stroke-opacity:.8}
.slide .cross{stroke:var(--failed);stroke-width:1.8}
.wide{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:13.5px;line-height:1.4}
caption{padding:0 0 8px;text-align:left;color:var(--muted);font-size:13px}
.caption{margin:0 0 8px;color:var(--muted);font-size:13px}
th,td{padding:5px 14px 5px 0;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--rule)}
thead th{border-bottom:1px solid var(--ink);font-weight:600;white-space:nowrap;vertical-align:bottom}
tbody th{font-weight:500;overflow-wrap:anywhere;min-width:9em}
tbody th.n{min-width:0}
.n{text-align:right;white-space:nowrap}
.t{white-space:nowrap}
.why{min-width:13em;overflow-wrap:anywhere}
.places{min-width:14em}
.retry{width:40%;min-width:16em}
.retry details{margin:0}
.retry summary{font-weight:400;color:var(--accent)}
#failures pre{white-space:pre-wrap;overflow-wrap:anywhere}
th button{all:unset;cursor:pointer}
th button::after{content:"↕";margin-left:4px;color:var(--muted);font-size:11px}
th[aria-sort=ascending] button::after{content:"↑";color:var(--accent)}
th[aria-sort=descending] button::after{content:"↓";color:var(--accent)}
.memory{min-width:250px;white-space:nowrap}
.bar{display:inline-block;width:90px;height:8px;margin-right:8px;background:var(--quietsoft);border:1px solid var(--rule);border-radius:2px;overflow:hidden}
.bar span{display:block;height:100%;background:var(--accent)}
.bar.over span{background:var(--bad)}
.chart{display:block;width:100%;min-width:640px}
.chart text{font-size:12px;fill:var(--muted)}
.right{text-anchor:end}
.middle{text-anchor:middle}
.bars{max-width:920px}
.bars text{font-size:13px;fill:var(--ink)}
.bars .value{fill:var(--muted)}
.area{fill:var(--accent);fill-opacity:.5}
.rule{stroke:var(--rule);stroke-width:1;fill:none;vector-effect:non-scaling-stroke}
.spreads td,.spreads tbody th{vertical-align:middle}
.spreads .shape{min-width:240px;width:50%}
.spreads tfoot td{border:0;padding-top:0}
.spreads tbody tr:last-child>*{border-bottom-color:transparent}
.spread{display:block;width:100%;max-width:560px}
.spread text{font-size:11px;fill:var(--muted)}
.whisker{stroke:var(--muted);stroke-width:1;fill:none}
.box{fill:var(--ground);stroke:var(--accent);stroke-width:1.5}
.median{stroke:var(--ink);stroke-width:2.5;fill:none}
.resume{stroke:var(--ink);stroke-width:1;stroke-dasharray:4 3;fill:none}
.strips div{display:grid;grid-template-columns:180px minmax(160px,1fr) 92px;gap:12px;align-items:end;padding:3px 0;font-size:13.5px}
.strips svg{display:block;width:100%;height:30px}
.strips small{color:var(--muted);font-size:12px;overflow-wrap:anywhere}
pre{margin:6px 0 12px;padding:10px 12px;overflow-x:auto;background:var(--panel);border:1px solid var(--rule);border-radius:4px}
details{margin-top:16px}
summary{cursor:pointer;font-weight:600}
main{padding-bottom:60px}
@media (max-width:760px){
.spreads thead tr,.spreads tbody tr{display:grid;grid-template-columns:minmax(0,2fr) repeat(4,minmax(0,1fr));align-items:baseline}
.spreads th,.spreads td{padding-right:0;white-space:normal}
.spreads thead tr{align-items:end;border-bottom:1px solid var(--ink)}
.spreads thead th{border:0}
.spreads thead th:nth-child(3){display:none}
.spreads tbody tr{border-bottom:1px solid var(--rule);padding-bottom:6px}
.spreads tbody tr>*{border:0}
.spreads tbody .shape{grid-column:1/-1;grid-row:2}
.spreads tfoot tr{display:block}.spreads tfoot td:not(.shape){display:none}.spreads .shape{display:block;width:auto;min-width:0}
caption{max-width:calc(100vw - 32px)}}
@media (max-width:600px){header,main{padding-left:16px;padding-right:16px}h1{font-size:24px}
.strips div{grid-template-columns:1fr 84px}.strips svg{grid-column:1/-1;grid-row:2}}
@media print{:root{--ground:#fff;--panel:#fff;--ink:#000;--muted:#444;--rule:#bbb;--accent:#0b6472;--soft:#fff;
--good:#2b6a3f;--goodsoft:#fff;--bad:#a2331c;--badsoft:#fff;--quietsoft:#fff}
body{font-size:11px}nav,th button::after,.show,input,input+label{display:none}header,main{max-width:none;padding:0}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
.cards{grid-template-columns:repeat(3,1fr)}tr{break-inside:avoid}.wide{overflow:visible}}
)css";
}

// Sorting and a closer look; the page is complete without it.
std::string page_script() {
  return R"js(
document.documentElement.classList.add('js');
for (const table of document.querySelectorAll('table.sortable')) {
  table.querySelectorAll('thead th').forEach((head, column) => {
    const button = document.createElement('button');
    button.textContent = head.textContent;
    head.replaceChildren(button);
    const value = row => {
      const cell = row.cells[column];
      return 'v' in cell.dataset ? Number(cell.dataset.v) : cell.textContent;
    };
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      table.querySelectorAll('th[aria-sort]').forEach(other => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) => {
        const x = value(a), y = value(b);
        return typeof x === 'number' ? x - y : x.localeCompare(y, undefined, {numeric: true});
      });
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}
for (const picture of document.querySelectorAll('.picture svg'))
  picture.addEventListener('click', () => picture.closest('.card').classList.toggle('large'));
)js";
}

}  // namespace tilepool
