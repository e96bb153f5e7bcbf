// The table of classes: search, groups, order; and the box beside the pointer in the figures. The page holds all data in
// the table: text is moved as text, so that a name is never read as html.
(() => {
  'use strict';
  const section = document.querySelector('.classes');
  if (!section) return;
  const body = section.querySelector('tbody');
  const heads = [...section.querySelectorAll('thead th')];
  const rows = [...body.rows];
  const rowOf = new Map(rows.map((row) => [row.dataset.anchor, row]));
  const marks = [...document.querySelectorAll('.marks a')];
  const anchorOf = (mark) => mark.getAttribute('href').slice(1);

  // search and groups
  const tools = section.querySelector('.tools');
  const [search, group, output] = ['input', 'select', 'output'].map((name) => tools.querySelector(name));
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = new Set();
    for (const row of rows) {
      const name = row.cells[0].textContent.toLowerCase();
      row.hidden = !(words.every((word) => name.includes(word)) && (!group.value || row.dataset.group === group.value));
      if (!row.hidden) found.add(row.dataset.anchor);
    }
    const all = found.size === rows.length;
    output.value = all ? `${rows.length} classes` : `${found.size} of ${rows.length} classes, ringed in the figures`;
    for (const mark of marks) mark.classList.toggle('found', !all && found.has(anchorOf(mark)));
  };
  search.addEventListener('input', filter);
  group.addEventListener('change', filter);
  tools.hidden = false;
  filter();

  // order: the largest number first, names from a to z, what has no number last
  const valueOf = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const sort = (column) => {
    const head = heads[column];
    const isText = column === 0;
    const first = isText || column === 1 ? 'ascending' : 'descending';
    const second = first === 'ascending' ? 'descending' : 'ascending';
    const order = head.getAttribute('aria-sort') === first ? second : first;
    for (const other of heads) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', order);
    const sign = order === 'ascending' ? 1 : -1;
    const keys = new Map(rows.map((row) => [row, isText ? valueOf(row, 0) : parseFloat(valueOf(row, column))]));
    rows.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      if (isText) return sign * x.localeCompare(y);
      return Number.isNaN(x) - Number.isNaN(y) || (Number.isNaN(x) ? 0 : sign * (x - y));
    });
    body.append(...rows);
  };
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    button.addEventListener('click', () => sort(column));
    head.append(button);
  });

  // the box beside the pointer: the row of the class, turned on its side
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.setAttribute('role', 'tooltip');
  tip.hidden = true;
  document.body.append(tip);
  const element = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  const show = (row, x, y) => {
    const lines = document.createElement('table');
    heads.slice(1).forEach((head, i) => {
      lines.insertRow().append(element('th', head.textContent), element('td', row.cells[i + 1].textContent));
    });
    tip.replaceChildren(element('strong', row.cells[0].textContent), lines);
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const edge = document.documentElement.clientWidth;
    tip.style.left = `${Math.max(4, Math.min(x + 14, edge - width - 4))}px`;
    tip.style.top = `${y + 14 + height > innerHeight ? Math.max(4, y - height - 10) : y + 14}px`;
  };
  const hide = () => { tip.hidden = true; };
  for (const mark of marks) {
    const row = rowOf.get(anchorOf(mark));
    if (!row) continue;
    mark.querySelector('title').remove(); // the box says more
    mark.addEventListener('pointermove', (event) => show(row, event.clientX, event.clientY));
    mark.addEventListener('pointerleave', hide);
  }
  addEventListener('scroll', hide, { capture: true, passive: true });
  addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
})();
