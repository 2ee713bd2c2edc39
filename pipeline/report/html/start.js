// The page as a whole.
const SOME = 100;
const places = {};
const section = (id) => (places[id] = el("section", { id }));
const titled = (id, title, note, ...content) => {
  const made = section(id);
  made.append(el("header", {}, el("h2", {}, title), el("span", { class: "soft" }, note)), ...content);
  return made;
};

function show() {
  const found = shown();
  showGateways(places.gateways, found);
  showRules(places.rules, found);
}

function bar() {
  const search = el("input", { type: "search", id: "q", value: state.q, "aria-label": "Search gateways",
    placeholder: "Gateway, serial number, address, user, path…" });
  const status = el("select", { id: "status", "aria-label": "Which gateways" }, [["", "All gateways"],
    ["verified", "Verified"], ["failed", "Not verified"], ["waived", "With waivers"]].map(([value, text]) =>
    el("option", { value }, text)));
  status.value = state.status;
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { pages = 1; setState({ q: search.value }); show(); }, 120);
  });
  status.addEventListener("change", () => { pages = 1; setState({ status: status.value }); show(); });
  const jump = Object.keys(places).map((id) => el("button", { type: "button", class: "jump", on: {
    click: () => places[id].scrollIntoView() } }, id[0].toUpperCase() + id.slice(1)));
  document.getElementById("bar").replaceChildren(search, status, ...jump);
}

function start() {
  readState();
  const main = document.getElementById("main");
  const waived = (POOLS.judgements || []).filter((one) => one[1] === "w");
  const certificates = (POOLS.certificates || []).map((_, number) => number)
    .sort((a, b) => POOLS.certificates[a][6] - POOLS.certificates[b][6]);
  const inputs = POOLS.inputs || [];
  const wrong = DATA.release.also.filter((one) => one[1] !== 0);
  main.replaceChildren(
    tiles(),
    ...(DATA.release.production ? [] : [el("p", { class: "ribbon" },
      "Development release: made with keys for trying things out. Do not ship.")]),
    ...wrong.map(([name, status, , findings]) => el("p", { class: "ribbon" }, `${name}: ${STATUS[status][1]}: ${
      findings.map((one) => `${one[0]} (${one[1]})`).join(", ")}`)),
    section("gateways"), section("rules"),
    ...(waived.length ? [titled("waivers", "Waivers", plural(waived.length, "waiver"), waiverTable(waived))] : []),
    titled("uniqueness", "Uniqueness and leaks", "what the build looked for over all gateways, and how it ended", aloneTable()),
    titled("certificates", "Keys and certificates", `${certificates.length.toLocaleString("en")} in all gateways together, the first to end first${
      certificates.length > SOME ? `; ${SOME} of them` : ""}`, certificateTable(certificates.slice(0, SOME))),
    titled("inputs", "Inputs", inputs.length > 1 ? `${inputs.length} different sets; the first` : "alike for all gateways",
      inputs.length ? definitions(Object.entries(inputs[0]).map(([name, value]) => [name, code(value)])) : ""));
  bar();
  show();
  // Paper has no button for more: all gateways that are shown are printed.
  addEventListener("beforeprint", () => { pages = Infinity; show(); });
  addEventListener("hashchange", () => { readState(); bar(); show(); });
  // For whoever measures: milliseconds from the opening until everything is there.
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}
start();
