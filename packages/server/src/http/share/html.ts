import { cspSourceOf } from '../../lib/csp-source.ts';
import { escapeHtml } from '../escape-html.ts';

const style = `
:root { color-scheme: light dark; --line: #d9dce1; --soft: #5c6470; --back: #f5f6f8; --card: #fff; }
@media (prefers-color-scheme: dark) { :root { --line: #3a3f47; --soft: #a0a8b4; --back: #16181c; --card: #1f2227; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; font-weight: 600; }
h2 { margin: 2rem 0 .75rem; font-size: 1.1rem; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0 0 1.5rem; }
dt, .soft, .who .when { color: var(--soft); }
dd { margin: 0; }
audio { display: block; width: 100%; }
ol { list-style: none; margin: 0; padding: 0; }
li { padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line); border-bottom-width: 0; }
li:first-child { border-radius: .5rem .5rem 0 0; }
li:last-child { border-radius: 0 0 .5rem .5rem; border-bottom-width: 1px; }
li:only-child { border-radius: .5rem; }
li p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
li .who { display: flex; gap: 1rem; justify-content: space-between; font-size: .875rem; white-space: normal; }
li .who bdi { font-weight: 600; }
li .when { flex: none; font-variant-numeric: tabular-nums; }
`;

/**
 * Headers of everything under `/share`: nothing runs, nothing but the recording is loaded, nobody keeps a copy, and the
 * address, which is a secret, is told to nobody.
 */
export const guestHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': [
    "default-src 'none'",
    "media-src 'self'",
    `style-src ${cspSourceOf(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex, nofollow',
};

/** A whole document. `title` is text; `body` is HTML, in which everything from elsewhere has been escaped. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;
}
