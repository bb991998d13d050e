// Life and keys for pages that work without: nothing here is needed, everything here is quicker.
const policy = window.trustedTypes?.createPolicy('console', { createHTML: (text) => text });
const html = (text) => (policy ? policy.createHTML(text) : text);
const announce = (text) => { document.getElementById('announcements').textContent = text; };

// Alerts: one of them is selected, on its own page the only one.
const alerts = () => [...document.querySelectorAll('[data-alert]')];
const selected = () => document.querySelector('[data-alert][data-selected]');

function select(alert) {
  if (!alert) return;
  for (const each of alerts()) delete each.dataset.selected;
  alert.dataset.selected = '';
  const link = alert.querySelector('[data-open]');
  if (link) link.focus({ preventScroll: true });
  alert.scrollIntoView({ block: 'nearest' });
}

function move(by) {
  const all = alerts();
  const at = all.indexOf(selected());
  select(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)]);
}

function press(key) {
  const place = key === 'u' ? document : selected();
  place?.querySelector(`button[data-key="${key}"]`)?.click();
}

const help = document.getElementById('help');
const openHelp = () => help?.showModal();
const helpButton = document.querySelector('[data-help]');
if (helpButton) {
  helpButton.hidden = false;
  helpButton.addEventListener('click', openHelp);
}

const typing = (target) => target.closest('input, select, textarea, dialog[open]'); // a dialog just closed may still have the focus

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const does = {
    j: () => move(1), k: () => move(-1), a: () => press('a'), s: () => press('s'), f: () => press('f'),
    r: () => press('r'), u: () => press('u'), '?': openHelp, '/': () => document.querySelector('[data-search]')?.focus(),
  }[event.key];
  if (does) { event.preventDefault(); does(); }
});

document.addEventListener('focusin', (event) => {
  const alert = event.target.closest('li[data-alert]');
  if (alert && alert !== selected()) {
    for (const each of alerts()) delete each.dataset.selected;
    alert.dataset.selected = '';
  }
});

// News: the server tells that something happened; the rows are fetched again, and what was selected stays so.
const state = document.getElementById('live-state');

async function refresh() {
  const rows = document.getElementById('rows');
  if (!rows || rows.contains(document.activeElement?.closest('button'))) return;
  const answer = await fetch(location.href, { credentials: 'same-origin' });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(html(await answer.text()), 'text/html');
  const kept = selected()?.id;
  const focused = document.activeElement?.closest('[data-alert]')?.id;
  for (const id of ['rows', 'counts']) {
    const [now, then] = [document.getElementById(id), fresh.getElementById(id)];
    if (now && then) now.replaceChildren(...then.childNodes);
  }
  const again = kept && document.getElementById(kept);
  if (again) again.dataset.selected = '';
  if (focused) document.getElementById(focused)?.querySelector('[data-open]')?.focus({ preventScroll: true });
}

if (document.body.dataset.live) {
  let waiting;
  const source = new EventSource(document.body.dataset.live);
  const show = (on) => { state.textContent = on ? state.dataset.on : state.dataset.off; state.classList.toggle('on', on); };
  source.addEventListener('open', () => show(true));
  source.addEventListener('error', () => show(false));
  source.addEventListener('alert', (event) => {
    const news = JSON.parse(event.data);
    const words = document.body.dataset.told;
    announce(words.replace('{name}', () => news.name).replace('{status}', () => news.to_status));
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 200);
  });
  window.addEventListener('pagehide', () => source.close());
}
