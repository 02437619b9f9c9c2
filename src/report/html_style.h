/* How a report's page looks: on a screen, light or dark, wide or narrow, and on paper. Every colour
 * of a text has a contrast of at least 4.5 to what it stands on (WCAG 2.2, 1.4.3). */
#ifndef PGA_REPORT_HTML_STYLE_H
#define PGA_REPORT_HTML_STYLE_H

#define PGA_HTML_STYLE                                                                             \
	":root{color-scheme:light dark;--page:#fff;--text:#1b1f24;--quiet:#57606a;"                \
	"--line:#c9d0d6;--band:#f3f5f7;--error:#b3261e;--warning:#845000;--note:#1d5aa6;"          \
	"--ok:#17683a}\n"                                                                          \
	"@media screen and (prefers-color-scheme:dark){:root{--page:#14171a;--text:#e6e9ec;"       \
	"--quiet:#a6b0ba;--line:#3a424a;--band:#1e2328;--error:#ff9a91;--warning:#f2c063;"         \
	"--note:#8fbdf5;--ok:#7fd49d}}\n"                                                          \
	"*{box-sizing:border-box}\n"                                                               \
	"body{margin:0;background:var(--page);color:var(--text);"                                  \
	"font:1rem/1.5 system-ui,\"Liberation Sans\",\"DejaVu Sans\",sans-serif}\n"                \
	"main{max-width:72rem;margin:0 auto;padding:1.5rem 1.25rem 3rem}\n"                        \
	"h1{font-size:1.75rem;line-height:1.2;margin:0 0 .25rem}\n"                                \
	"h2{font-size:1.35rem;margin:2.5rem 0 .75rem;padding-top:.75rem;"                          \
	"border-top:2px solid var(--line)}\n"                                                      \
	"h3{font-size:1.1rem;margin:1.75rem 0 .5rem}\n"                                            \
	"h4{font-size:1rem;margin:0}\n"                                                            \
	"p{margin:.35rem 0}\n"                                                                     \
	"p,h1,h2,h3,h4,dd,li,td{overflow-wrap:anywhere}\n"                                         \
	"a{color:var(--note)}\n"                                                                   \
	"a:focus-visible,.scroll:focus-visible{outline:3px solid var(--note);"                     \
	"outline-offset:2px}\n"                                                                    \
	".quiet{color:var(--quiet)}\n"                                                             \
	".skip{position:absolute;left:-99rem}\n"                                                   \
	".skip:focus{left:.5rem;top:.5rem;background:var(--page);padding:.5rem}\n"                 \
	"code,pre{font-family:ui-monospace,\"Liberation Mono\",\"DejaVu Sans Mono\",monospace;"    \
	"font-size:.875rem}\n"                                                                     \
	"pre{margin:.35rem 0;padding:.5rem .75rem;background:var(--band);"                         \
	"border:1px solid var(--line);border-radius:4px;white-space:pre-wrap;"                     \
	"overflow-wrap:anywhere}\n"                                                                \
	"dl{display:grid;grid-template-columns:minmax(9rem,max-content) 1fr;gap:.25rem 1rem;"      \
	"margin:.75rem 0}\n"                                                                       \
	"dt{color:var(--quiet)}\n"                                                                 \
	"dd{margin:0}\n"                                                                           \
	".scroll{overflow-x:auto;margin:.75rem 0}\n"                                               \
	"table{border-collapse:collapse;width:100%;font-size:.9rem;"                               \
	"font-variant-numeric:tabular-nums}\n"                                                     \
	"caption{text-align:left;color:var(--quiet);padding-bottom:.35rem}\n"                      \
	"th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;"                           \
	"border-bottom:1px solid var(--line)}\n"                                                   \
	"td:not(.short):not(:empty),tbody "                                                        \
	"th:not(.short){min-width:10rem;overflow-wrap:anywhere}\n"                                 \
	".mark{font-size:.85em;font-weight:700}\n"                                                 \
	"tr.error .mark{color:var(--error)}tr.warning .mark{color:var(--warning)}\n"               \
	".short{white-space:nowrap}\n"                                                             \
	"thead th{background:var(--band)}\n"                                                       \
	"tbody th{font-weight:600}\n"                                                              \
	"tr.error>th{box-shadow:inset 4px 0 var(--error)}\n"                                       \
	"tr.warning>th{box-shadow:inset 4px 0 var(--warning)}\n"                                   \
	".tally{display:flex;flex-wrap:wrap;gap:.75rem;list-style:none;padding:0;margin:1rem 0}\n" \
	".tally li{flex:1 1 8rem;border:1px solid var(--line);border-left:6px solid currentColor;" \
	"border-radius:4px;padding:.4rem .75rem}\n"                                                \
	".tally b{display:block;font-size:1.6rem;line-height:1.2}\n"                               \
	".finding{border:1px solid var(--line);border-left:6px solid var(--line);"                 \
	"border-radius:4px;padding:.6rem .9rem;margin:.75rem 0}\n"                                 \
	".finding p,.finding pre{font-size:.95rem}\n"                                              \
	".finding pre{font-size:.85rem}\n"                                                         \
	".finding.error{border-left-color:var(--error)}\n"                                         \
	".finding.warning{border-left-color:var(--warning)}\n"                                     \
	".finding.note{border-left-color:var(--note)}\n"                                           \
	".finding.ok{border-left-color:var(--ok)}\n"                                               \
	".error>.kind,li.error,td.error{color:var(--error)}\n"                                     \
	".warning>.kind,li.warning,td.warning{color:var(--warning)}\n"                             \
	".note>.kind,li.note,td.note{color:var(--note)}\n"                                         \
	".ok>.kind,li.ok,td.ok{color:var(--ok)}\n"                                                 \
	".kind{font-weight:700;font-size:.8rem;letter-spacing:.04em;text-transform:uppercase}\n"   \
	"footer{margin-top:3rem;border-top:2px solid var(--line);padding-top:.75rem;"              \
	"color:var(--quiet);font-size:.9rem}\n"                                                    \
	"@media (max-width:36rem){main{padding:1rem .75rem 2rem}h1{font-size:1.4rem}"              \
	"h2{font-size:1.2rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}"           \
	"th,td{padding:.3rem .4rem}}\n"                                                            \
	"@page{margin:16mm 14mm}\n"                                                                \
	"@media print{body{font-size:10pt}main{max-width:none;padding:0}.skip{display:none}"       \
	".scroll{overflow:visible}table{font-size:8pt}td:not(.short):not(:empty),tbody "           \
	"th:not(.short){min-width:0}.short{white-space:normal;"                                    \
	"overflow-wrap:normal}th,td{padding:1mm 1.5mm}h2,h3,h4{break-after:avoid}"                 \
	".finding,tr,.tally li{break-inside:avoid}thead{display:table-header-group}"               \
	"section.server{break-before:page}a{color:inherit;text-decoration:none}"                   \
	".finding,.tally li,pre,thead th{print-color-adjust:exact}}\n"

#endif
