/** Colours meet a contrast of 4.5:1 on their ground in both themes; a result is told by its word too, not by colour alone. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#59636e;--line:#d1d9e0;--panel:#f6f8fa;--done:#1a7f37;--failed:#c4242f;--unchanged:#59636e;--skipped:#8a5a00;--aborted:#8a5a00;--running:#0860ca;--waiting:#59636e;--accent:#0860ca}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9da7b3;--line:#3d444d;--panel:#151b23;--done:#3fb950;--failed:#ff7b72;--unchanged:#9da7b3;--skipped:#d8a23a;--aborted:#d8a23a;--running:#6cb6ff;--waiting:#9da7b3;--accent:#6cb6ff}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
header,main{padding:0 1rem;max-width:90rem;margin:auto}h1{font-size:1.3rem;margin:.8rem 0 .2rem}h2{font-size:1.05rem;margin:1.2rem 0 .4rem}
.meta,.dim{color:var(--dim)}a{color:var(--accent)}
.chips{display:flex;flex-wrap:wrap;gap:.4rem;margin:.5rem 0;padding:0;list-style:none}
.chip{border:1px solid currentColor;border-radius:1rem;padding:0 .6rem;font-size:.85rem}
.done{color:var(--done)}.failed{color:var(--failed)}.unchanged{color:var(--unchanged)}.skipped{color:var(--skipped)}.aborted{color:var(--aborted)}.running{color:var(--running)}.waiting{color:var(--waiting)}
.scroll{overflow:auto;max-height:60vh;border:1px solid var(--line);border-radius:.5rem;background:var(--panel)}
svg{display:block}svg text{font:12px system-ui,sans-serif;fill:var(--fg)}svg .box{fill:var(--bg);stroke:currentColor;stroke-width:1.5}svg .dot{fill:currentColor}svg .bar{fill:currentColor}
svg .edge{fill:none;stroke:var(--dim);stroke-opacity:.5}svg .critical{stroke-width:3.5}svg a:focus-visible .box,svg a:hover .box{stroke-width:4}
.columns{display:grid;grid-template-columns:minmax(14rem,22rem) 1fr;gap:1rem;align-items:start}
@media (max-width:48rem){.columns{grid-template-columns:1fr}}
.parts{list-style:none;margin:0;padding:0;max-height:70vh;overflow:auto;border:1px solid var(--line);border-radius:.5rem}
.parts li{content-visibility:auto;contain-intrinsic-size:auto 2rem}.parts a{display:flex;justify-content:space-between;gap:.5rem;padding:.25rem .6rem;text-decoration:none;color:var(--fg)}
.parts a[aria-current]{background:var(--panel);outline:2px solid var(--accent);outline-offset:-2px}.parts a:hover{background:var(--panel)}
input,select{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--line);border-radius:.4rem;padding:.25rem .5rem;max-width:100%}
.tools{display:flex;flex-wrap:wrap;gap:.5rem;margin:.4rem 0}
pre.log{margin:0;padding:.5rem 0;font:13px/1.45 ui-monospace,monospace;overflow:auto;max-height:75vh;border:1px solid var(--line);border-radius:.5rem;background:var(--panel)}
pre.log div{display:flex;border-left:3px solid transparent;white-space:pre-wrap;overflow-wrap:anywhere;padding-right:.5rem;content-visibility:auto;contain-intrinsic-size:auto 1.3em}pre.log a{flex:none;width:4.5em;text-align:right;padding-right:.8em;color:var(--dim);text-decoration:none;user-select:none}
pre.log .err{border-left-color:var(--failed)}#part-name:focus{outline:none}pre.log .note{color:var(--dim)}pre.log :target,pre.log .at{background:color-mix(in srgb,var(--accent) 25%,transparent)}mark{background:#ffd33d;color:#1b1f24}
.error{white-space:pre-wrap;border-left:4px solid var(--failed);padding:.4rem .8rem;background:var(--panel);font:13px/1.45 ui-monospace,monospace;overflow:auto}
.bold{font-weight:700}.dim{opacity:.8}.italic{font-style:italic}.underline{text-decoration:underline}
.c-red{color:var(--failed)}.c-green{color:var(--done)}.c-yellow{color:var(--skipped)}.c-blue,.c-cyan{color:var(--running)}.c-magenta{color:#a04bd0}.c-black,.c-white{color:inherit}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
`;
