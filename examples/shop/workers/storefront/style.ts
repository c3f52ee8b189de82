/** The page's style sheet. */
export const STYLE = `
  :root { color-scheme: light dark; --ink: #26221d; --paper: #f7f3ec; --card: #fffdf9; --line: #e2d9ca; --soft: #7c7264; --red: #b5543c; --green: #3f7a5a; }
  @media (prefers-color-scheme: dark) { :root { --ink: #ece5d8; --paper: #1c1916; --card: #26221d; --line: #3b352d; --soft: #a29785; --red: #dd8468; --green: #7cbb97; } }
  * { box-sizing: border-box; margin: 0; }
  body { background: var(--paper); color: var(--ink); font: 16px/1.5 ui-serif, Georgia, serif; }
  header { padding: 3rem 1.5rem 1.5rem; text-align: center; }
  h1 { font-size: 2.6rem; font-weight: 500; letter-spacing: -.01em; }
  h1 i { color: var(--red); }
  header p, small, .none { color: var(--soft); }
  main { display: grid; grid-template-columns: 3fr 2fr; gap: 2rem; max-width: 62rem; margin: auto; padding: 1rem 1.5rem 4rem; }
  .wide, .notice { grid-column: 1 / -1; }
  h2 { font-size: 1.15rem; font-weight: 600; margin: 0 0 .8rem; }
  h2 small { font-weight: 400; font-size: .85rem; margin-left: .3rem; }
  aside h2:not(:first-child) { margin-top: 1.6rem; }
  aside h3 { font-size: .9rem; font-weight: 600; margin: .8rem 0 .3rem; }
  ul, ol { list-style: none; padding: 0; }
  .goods { display: grid; grid-template-columns: repeat(auto-fill, minmax(12.5rem, 1fr)); gap: 1rem; }
  .goods li, .orders li, aside { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
  .goods li { overflow: hidden; display: flex; flex-direction: column; }
  .weave { height: 6rem; background: repeating-conic-gradient(rgb(255 255 255 / .28) 0 25%, transparent 0 50%) 0 0 / 18px 18px, var(--thread); }
  .goods h3 { font-size: 1.05rem; font-weight: 600; padding: .8rem 1rem 0; }
  .goods p { flex: 1; padding: .1rem 1rem .8rem; color: var(--soft); font-size: .92rem; }
  .goods form { display: flex; justify-content: space-between; align-items: center; padding: 0 1rem 1rem; }
  button { font: inherit; font-size: .9rem; padding: .3rem .9rem; border: 1px solid var(--ink); border-radius: 99px; background: none; color: inherit; cursor: pointer; }
  button:hover, button[aria-pressed=true] { background: var(--ink); color: var(--paper); }
  button:focus-visible { outline: 2px solid var(--red); outline-offset: 2px; }
  .orders li { display: grid; grid-template-columns: 1fr auto; padding: .7rem 1rem; margin-bottom: .6rem; }
  .orders b { font-weight: 600; }
  .orders small { grid-column: 1 / -1; }
  .orders i { font-style: normal; color: var(--red); }
  .orders i.paid { color: var(--green); }
  .version { float: right; margin-top: .15rem; font: 600 .8rem/1.6 ui-monospace, monospace; padding: 0 .6rem; border-radius: 99px; color: var(--paper); background: var(--soft); }
  .version.v2 { background: var(--red); }
  aside { padding: 1.1rem 1.2rem; align-self: start; }
  .trace li { display: flex; justify-content: space-between; gap: .8rem; padding: .2rem 0 .2rem .9rem; border-left: 2px solid var(--line); font-size: .92rem; }
  code { font: .8rem/1.9 ui-monospace, monospace; color: var(--soft); }
  code b { color: var(--ink); font-weight: 500; }
  .knob { display: flex; gap: .5rem; }
  .notice { padding: .7rem 1rem; border-radius: 10px; border: 1px solid var(--green); color: var(--green); }
  .notice.unpaid { border-color: var(--red); color: var(--red); }
  @media (max-width: 45rem) { main { grid-template-columns: 1fr; } }
`
