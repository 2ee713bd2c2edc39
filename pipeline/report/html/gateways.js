// The list of gateways; details are made when a row is opened.
const PAGE = 60;
let pages = 1;

function tiles() {
  const total = { p: 0, f: 0 };
  for (const one of counted.values()) for (const outcome of Object.keys(total)) total[outcome] += one[outcome];
  const certificates = POOLS.certificates || [];
  const first = certificates.reduce((least, one) => Math.min(least, one[6]), Infinity);
  const tile = (figure, text) => el("div", { class: "tile" }, el("b", {}, figure), el("span", {}, text));
  return el("div", { class: "tiles" },
    tile(GATEWAYS.filter(passes).length.toLocaleString("en"), `of ${plural(GATEWAYS.length, "gateway")} verified`),
    tile(plural((POOLS.rules || []).length, "rule"), `${total.f.toLocaleString("en")} checks failed, ${
      total.p.toLocaleString("en")} passed`),
    tile(plural(GATEWAYS.filter(waivedRules).length, "gateway"), "with waivers"),
    tile(plural(DATA.shared.c.length, "path"), GATEWAYS.length > 1 ? "changed alike in all gateways" : "changed"),
    tile(Number.isFinite(first) ? span(first) : "–", "from the release until the first certificate ends"),
    tile(plural((POOLS.steps || []).length, "step"), "left for people"));
}

function gatewayRow(gateway) {
  const waived = waivedRules(gateway);
  const good = passes(gateway);
  const interfaces = Object.entries(fact(gateway, "interfaces") || {}).filter(([, one]) => one.address);
  const open = el("button", { type: "button", "aria-expanded": "false" }, el("span", { class: "arrow" }, "›"),
    el("b", {}, gateway.n), el("span", { class: "soft serial" }, gateway.s),
    good ? el("span", { class: "soft notes" }, [...interfaces.map(([name, one]) => `${name} ${one.address}`),
      `${plural(gateway.c.length, "path")} of its own`].join(" · ")) : el("span", { class: "notes" }, why(gateway)),
    el("span", { class: "state" }, waived ? [chip("w", `${waived} waived`), " "] : null,
      good ? chip("ok", "✓ verified") : chip("bad", gateway.v[1] ? `✗ ${STATUS[gateway.v[1]][1]}` : "✗ rules failed")));
  const row = el("article", { class: "gateway", "data-gateway": gateway.n }, open);
  const toggle = () => {
    const opened = row.classList.toggle("open");
    open.setAttribute("aria-expanded", String(opened));
    if (opened) row.append(details(gateway));
    else row.lastChild.remove();
    return opened;
  };
  open.addEventListener("click", () => {
    const names = new Set(state.gw.split(",").filter(Boolean));
    if (toggle()) names.add(gateway.n);
    else names.delete(gateway.n);
    setState({ gw: [...names].join(",") });
  });
  const wanted = state.gw.split(",");
  if (wanted.includes(gateway.n) || wanted.includes("*")) toggle();
  return row;
}

function showGateways(place, found) {
  const visible = found.slice(0, pages * PAGE);
  const more = found.length > visible.length ? el("button", { class: "more", type: "button", on: { click: () => {
    pages += 4;
    showGateways(place, found);
  } } }, `Show more (${(found.length - visible.length).toLocaleString("en")} left)`) : null;
  place.replaceChildren(el("header", {}, el("h2", {}, "Gateways"),
    el("span", { class: "soft", id: "count" }, `${found.length.toLocaleString("en")} of ${
      GATEWAYS.length.toLocaleString("en")} shown`)),
  el("div", { class: "gateways" }, visible.map(gatewayRow)), ...(more ? [more] : []),
  ...(found.length ? [] : [el("p", { class: "soft" }, "No gateway matches.")]));
}
