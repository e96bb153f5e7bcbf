"""The style sheet of a report: no external resource, light or dark as the reader's system asks, and fit to print."""

from __future__ import annotations

from longtail_det.visualization import GROUP_COLORS

_SHEET = """
:root { color-scheme: light dark; --page: #f6f7f8; --card: #ffffff; --text: #202124; --soft: #5f6368; --line: #dfe1e5;
  --rare: RARE; --common: COMMON; --frequent: FREQUENT; }
@media (prefers-color-scheme: dark) { :root { --page: #17181a; --card: #222427; --text: #e8eaed; --soft: #a6abb1;
  --line: #3a3d41; --rare: #ff8a4a; --common: #5fb4ec; --frequent: #3cc79c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 56px; }
h1 { margin: 0 0 4px; font-size: 28px; line-height: 1.2; }
h2 { margin: 36px 0 12px; font-size: 19px; }
.date, figcaption, caption, dt, footer { color: var(--soft); }
section, dl, figure { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 20px 0 0; padding: 14px 18px;
  font-size: 14px; }
dd { margin: 0; overflow-wrap: anywhere; font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
section { overflow-x: auto; padding: 6px 18px 14px; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { caption-side: bottom; padding-top: 10px; text-align: left; font-size: 14px; }
th, td { padding: 8px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, th[scope="row"] { text-align: left; }
th.text, td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; }
tbody th { font-weight: 600; }
td.main { font-weight: 700; }
abbr { text-decoration: none; cursor: help; }
.r { color: var(--rare); } .c { color: var(--common); } .f { color: var(--frequent); }
figure { margin: 0; padding: 14px 18px; }
figure img { display: block; width: 100%; height: auto; border-radius: 6px; background: #ffffff; }
figcaption { margin-top: 10px; font-size: 14px; }
ul.notes { margin: 16px 0 0; padding-left: 20px; color: var(--soft); font-size: 14px; }
footer { margin-top: 40px; font-size: 13px; }
@media print { body { background: #ffffff; } main { max-width: none; } figure, section { break-inside: avoid; } }
"""
CSS = (
    _SHEET.replace('RARE', GROUP_COLORS['r'])
    .replace('COMMON', GROUP_COLORS['c'])
    .replace('FREQUENT', GROUP_COLORS['f'])
)
