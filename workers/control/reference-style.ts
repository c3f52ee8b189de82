/** The look of /reference: one column of text beside a list of endpoints, in light and in dark. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fff, #14171a);
  --shade: light-dark(#f5f6f7, #1c2125);
  --line: light-dark(#dfe3e6, #313940);
  --ink: light-dark(#1b2227, #e4e9ec);
  --soft: light-dark(#5a6670, #9aa7b1);
  --link: light-dark(#0a5c8f, #7cc4f0);
  --get: light-dark(#0a6a3b, #6fd39c);
  --post: light-dark(#0a5c8f, #7cc4f0);
  --delete: light-dark(#a3242a, #f2989c);
}
* { box-sizing: border-box }
html { scroll-padding-top: 1rem }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
.page { display: grid; grid-template-columns: 19rem minmax(0, 1fr); max-width: 82rem; margin: 0 auto }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto; padding: 1.5rem 1.25rem; font-size: .875rem }
nav h2 { margin: 1.25rem 0 .25rem; font-size: .8125rem; color: var(--soft) }
nav ul { list-style: none; margin: 0; padding: 0 }
nav li { margin: 0 }
nav a { display: block; padding: .15rem 0; color: inherit; text-decoration: none; overflow-wrap: anywhere }
nav a:hover { text-decoration: underline }
main { padding: 1.5rem 2rem 5rem; border-left: 1px solid var(--line) }
h1 { margin: 0 0 .5rem; font-size: 1.75rem; line-height: 1.2 }
main > section > h2 { margin: 3rem 0 0; padding-bottom: .35rem; border-bottom: 1px solid var(--line); font-size: 1.375rem }
article { margin: 2rem 0 0 }
h3 { margin: 0; font-size: 1.0625rem; line-height: 1.35 }
h4 { margin: 1.1rem 0 .35rem; font-size: .8125rem; color: var(--soft) }
p { margin: .4rem 0; max-width: 46rem }
a { color: var(--link) }
code, pre { font: .875em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace }
p code, td code { overflow-wrap: anywhere }
pre { margin: 0; padding: .8rem 1rem; overflow: auto; background: var(--shade); border: 1px solid var(--line); border-radius: 6px }
.line { display: flex; flex-wrap: wrap; gap: .6rem; align-items: baseline; margin-top: .3rem }
.method { font-weight: 650 }
.get { color: var(--get) } .post { color: var(--post) } .delete { color: var(--delete) }
.soft { color: var(--soft) }
table { width: 100%; border-collapse: collapse; font-size: .9375rem }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
th { font-weight: 400; width: 13rem }
td.type { width: 15rem }
@media (max-width: 56rem) {
  .page { display: block }
  nav { position: static; max-height: none; columns: 13rem; border-bottom: 1px solid var(--line) }
  nav h2 { break-after: avoid }
  main { padding: 1.25rem; border-left: 0 }
  table, tbody, tr, th, td { display: block; width: auto }
  tr { padding: .35rem 0; border-bottom: 1px solid var(--line) }
  th, td, td.type { padding: 0; border: 0; width: auto }
}
`
