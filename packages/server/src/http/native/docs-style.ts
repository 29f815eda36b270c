/** The style of the reference page, light or dark as its reader's screen is. */
export const docsStyle = `
:root { color-scheme: light dark; --line: #d9dce1; --soft: #59616d; --back: #fff; --card: #f5f6f8; --ink: #1a1d21; --link: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a3f47; --soft: #a0a8b4; --back: #16181c; --card: #1f2227; --ink: #e6e8eb; --link: #8ab4f8; }
}
* { box-sizing: border-box; }
html { scroll-padding: 1rem 0 4rem; }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
a { color: var(--link); }
.skip { position: absolute; z-index: 1; top: 0; left: -99rem; padding: .5rem 1rem; background: var(--back); }
.skip:focus { left: 0; }
footer a { position: fixed; right: 1rem; bottom: 1rem; padding: .5rem 1rem; border: 1px solid var(--line); border-radius: 2rem; background: var(--card); font-size: .875rem; }
header { padding: 1.5rem 1rem; }
nav { padding: 1.25rem 1rem; border: 1px solid var(--line); border-width: 1px 0; background: var(--card); font-size: .875rem; }
nav p { margin: 1rem 0 .25rem; font-weight: 600; }
nav p:first-child { margin-top: 0; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: flex; gap: .5rem; align-items: baseline; padding: .15rem 0; text-decoration: none; color: inherit; }
nav li a:hover { text-decoration: underline; }
main { padding: 0 1rem 6rem; min-width: 0; }
main:focus { outline: none; }
h1 { margin: 0 0 1rem; font-size: 1.75rem; }
h1 small { color: var(--soft); font-size: 1rem; font-weight: 400; }
h2 { margin: 3rem 0 .5rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); font-size: 1.4rem; }
h3 { margin: 1.5rem 0 0; font-size: 1.1rem; }
article h3 { margin: 0; }
h3 a { color: inherit; text-decoration: none; }
h3 a:hover { text-decoration: underline; }
h4 { margin: 1.25rem 0 .5rem; font-size: .9rem; color: var(--soft); }
article { margin: 2rem 0; padding-top: 1.5rem; border-top: 1px solid var(--line); }
article:first-of-type { border-top: 0; padding-top: 0; }
p { margin: .5rem 0; overflow-wrap: anywhere; }
.soft { color: var(--soft); font-size: .875rem; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
:not(pre) > code { padding: .1em .3em; border-radius: .25rem; background: var(--card); }
pre { margin: .5rem 0; padding: .75rem 1rem; border-radius: .5rem; background: var(--card); overflow-x: auto; }
pre code { overflow-wrap: normal; }
.route code { font-size: 1rem; background: none; padding: 0; }
.method { display: inline-block; flex: none; min-width: 3.4rem; padding: .05rem .3rem; border-radius: .25rem; font: 600 .7rem/1.6 ui-monospace, monospace; text-align: center; color: #fff; background: #59616d; }
.method.get { background: #0b57d0; }
.method.post { background: #11723b; }
.method.put, .method.patch { background: #8a5300; }
.method.delete { background: #b3261e; }
dl { margin: .5rem 0; border-top: 1px solid var(--line); font-size: .875rem; }
dl > div { padding: .4rem 0; border-bottom: 1px solid var(--line); }
dt, dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
dt code { font-weight: 600; }
dd p { margin: 0 0 .25rem; }
.type { color: var(--soft); margin-right: .5rem; }
.statuses > div { display: grid; grid-template-columns: 3rem minmax(0, 1fr); }
.statuses dt { font-weight: 600; }
summary { cursor: pointer; padding: .25rem 0; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (min-width: 40rem) {
  .fields > div { display: grid; grid-template-columns: minmax(0, 17rem) minmax(0, 1fr); column-gap: 1rem; }
}
@media (min-width: 64rem) {
  html { scroll-padding-bottom: 0; }
  body { display: grid; grid-template-columns: 19rem minmax(0, 56rem); grid-template-rows: auto 1fr; }
  nav { grid-area: 1 / 1 / 3 / 2; position: sticky; top: 0; height: 100vh; overflow-y: auto; border-width: 0 1px 0 0; }
  header { grid-area: 1 / 2; padding: 2rem 2.5rem 0; }
  main { grid-area: 2 / 2; padding: 0 2.5rem 6rem; }
  footer { display: none; }
}
@media print {
  nav, footer { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
`;
