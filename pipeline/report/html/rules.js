// Rules down, gateways across. A row counts all gateways that are shown; columns are those there is room for.
const COLUMNS = 40;
const ON_PAPER = 12; // report.css leaves the others out
let column = 0;

function showRules(place, found) {
  column = Math.min(column, Math.max(0, found.length - 1));
  const across = found.slice(column, column + COLUMNS);
  // For each rule the judgement number of each gateway, and how many gateways have each.
  const rows = new Map();
  const note = (number, gateway, weight) => {
    const rule = POOLS.judgements[number][0];
    if (!rows.has(rule)) rows.set(rule, { counts: new Map(), cells: new Map(), common: -1 });
    const row = rows.get(rule);
    row.counts.set(number, (row.counts.get(number) || 0) + weight);
    if (gateway) row.cells.set(gateway, number);
    else row.common = number;
  };
  for (const number of DATA.shared.r) note(number, null, found.length);
  for (const gateway of found) for (const number of gateway.r) note(number, gateway, 1);
  const wanted = [...rows].filter(([rule, row]) => ruleWanted(rule, row)).sort(([a], [b]) => a - b);
  place.replaceChildren(
    el("header", {}, el("h2", {}, "Rules"), el("span", { class: "soft" }, `${wanted.length} of ${rows.size} shown`), legend()),
    across.length > ON_PAPER ? el("p", { class: "paper soft" },
      `On paper the columns end with ${across[ON_PAPER - 1].n}; counts are of all ${found.length.toLocaleString("en")} gateways.`) : "",
    el("div", { class: "tools" }, ruleFilter(), outcomeFilter(), ...turnPages(place, found)),
    el("div", { class: "scroll" }, el("table", { class: "matrix" },
      el("thead", {}, el("tr", {}, el("th", { class: "rule" }, "rule"),
        found.length > 1 ? el("th", {}, plural(found.length, "gateway")) : null,
        across.map((gateway) => el("th", { class: "cell" }, el("div", { class: "name" }, gateway.n))))),
      el("tbody", {}, wanted.map(([rule, row]) => ruleRow(rule, row, across, found.length > 1))))));
}

function ruleWanted(rule, row) {
  const [id, title, lines] = POOLS.rules[rule];
  if (state.outcome && ![...row.counts.keys()].some((number) => POOLS.judgements[number][1] === state.outcome)) return false;
  const word = state.rule.toLowerCase();
  return !word || [id, title, ...lines].join(" ").toLowerCase().includes(word);
}

function ruleRow(rule, row, across, counting) {
  const [id, title, lines] = POOLS.rules[rule];
  const sums = new Map();
  for (const [number, count] of row.counts) {
    const outcome = POOLS.judgements[number][1];
    sums.set(outcome, (sums.get(outcome) || 0) + count);
  }
  const head = el("td", { class: "rule", tabindex: "0" }, code(id), documents(lines), el("small", {}, title));
  const made = el("tr", { "data-rule": id }, head,
    counting ? el("td", { class: "sum" }, ["f", "w", "d", "u", "n", "p"].filter((one) => sums.get(one)).map((one) =>
      el("span", { class: one, title: OUTCOMES[one][1] }, `${OUTCOMES[one][0]} ${sums.get(one).toLocaleString("en")}`))) : null,
    across.map((gateway) => {
      const number = row.cells.has(gateway) ? row.cells.get(gateway) : row.common;
      const outcome = number < 0 ? null : POOLS.judgements[number][1];
      return el("td", { class: "cell" }, outcome ? el("span", { class: outcome,
        title: `${gateway.n}: ${OUTCOMES[outcome][1]}` }, OUTCOMES[outcome][0]) : "");
    }));
  const toggle = () => {
    const next = made.nextSibling;
    if (next && next.classList.contains("reason")) next.remove();
    else made.after(el("tr", { class: "reason" }, el("td", { colspan: String(across.length + 2) }, reasons(row))));
  };
  head.addEventListener("click", toggle);
  head.addEventListener("keydown", (event) => { if (event.key === "Enter") toggle(); });
  return made;
}

const reasons = (row) => el("div", { class: "why" }, [...row.counts].map(([number, count]) => {
  const [, outcome, why, breaches, waiver] = POOLS.judgements[number];
  return el("p", {}, chip(outcome, OUTCOMES[outcome][1]), ` ${plural(count, "gateway")}: ${why}`,
    breaches.map((breach) => el("div", {}, code(breach))),
    waiver ? el("div", {}, `Waived until ${waiver[2]} by ${waiver[1]}: ${waiver[0]}`) : null);
}));

const legend = () => el("span", { class: "legend" }, Object.entries(OUTCOMES).map(([kind, [sign, word]]) =>
  el("span", { class: "cell" }, el("span", { class: kind }, sign), ` ${word}`)));

function ruleFilter() {
  return el("input", { type: "search", id: "rule", value: state.rule, placeholder: "Rule or line, such as ssh or A:84",
    "aria-label": "Filter rules", on: { change: (event) => { setState({ rule: event.target.value }); show(); } } });
}
function outcomeFilter() {
  const made = el("select", { "aria-label": "Outcome", on: { change: (event) => {
    setState({ outcome: event.target.value });
    show();
  } } }, el("option", { value: "" }, "Every outcome"),
  Object.entries(OUTCOMES).map(([kind, [, word]]) => el("option", { value: kind }, word)));
  made.value = state.outcome;
  return made;
}
function turnPages(place, found) {
  if (found.length <= COLUMNS) return [];
  const turn = (by, text) => {
    const made = el("button", { type: "button", on: { click: () => { column += by; showRules(place, found); } } }, text);
    made.disabled = column + by < 0 || column + by >= found.length;
    return made;
  };
  return [turn(-COLUMNS, "‹"), el("span", { class: "soft" },
    `columns ${column + 1} to ${Math.min(column + COLUMNS, found.length)} of ${found.length}`), turn(COLUMNS, "›")];
}
