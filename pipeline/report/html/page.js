// What all parts use: the data, the state kept in the address, and elements made without ever reading HTML from data.
const DATA = JSON.parse(document.getElementById("data").textContent);
const POOLS = DATA.pools;
const GATEWAYS = DATA.gateways;
const pool = (name, number) => (POOLS[name] || [])[number];

const STATUS = [["ok", "verified"], ["bad", "deviates"], ["bad", "could not look"], ["bad", "not verified"]];
const OUTCOMES = {
  p: ["✓", "pass"], f: ["✗", "fail"], w: ["w", "waived"], n: ["–", "not applicable"],
  u: ["?", "for people to verify"], d: ["≠", "rule and reader disagree"],
};

function el(tag, about, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(about || {})) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else if (value !== undefined && value !== null) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}
const chip = (kind, text) => el("span", { class: `chip ${kind}` }, text);
const code = (text) => el("code", {}, text);
const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

// Days up to two years, then years: nobody can tell what 6,935 days are.
const span = (days) => days < 731 ? plural(days, "day")
  : `${(days / 365.25).toLocaleString("en", { maximumFractionDigits: 1 })} years`;

// Why a gateway is not verified, in one line: its first finding, or the first rule that failed.
function why(gateway) {
  const [finding] = gateway.v[3];
  const more = gateway.v[3].length - 1;
  if (finding) return `${finding[0]}: ${finding[1]}${more > 0 ? ` and ${more} more` : ""}`;
  const failed = judgements(gateway).filter((one) => one[1] === "f");
  if (failed.length) {
    return `${pool("rules", failed[0][0])[0]}${failed.length > 1 ? ` and ${failed.length - 1} more` : ""}`;
  }
  return "";
}

function bytes(count) {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (count >= size) return `${(count / size).toLocaleString("en", { maximumFractionDigits: 1 })} ${unit}`;
  }
  return `${count} B`;
}
const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);

// The state is in the address: a view can be sent to somebody, and a test can ask for one.
const state = { q: "", status: "", rule: "", outcome: "", gw: "" };
function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of Object.keys(state)) state[name] = given.get(name) || "";
}
function setState(changes) {
  Object.assign(state, changes);
  const kept = Object.entries(state).filter(([, value]) => value);
  history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
}

// All numbers of a kind that hold for a gateway: what every gateway shares, and its own.
const all = (gateway, kind) => [...DATA.shared[kind], ...gateway[kind]];
const fact = (gateway, name) => pool("facts", gateway.f[name]);
const judgements = (gateway) => all(gateway, "r").map((number) => pool("judgements", number));
// How many rules ended in which way: counted once for what all share, once for each gateway's own.
function count(numbers, counted) {
  for (const number of numbers) counted[POOLS.judgements[number][1]] += 1;
  return counted;
}
const sharedOutcomes = count(DATA.shared.r, { p: 0, f: 0, w: 0, n: 0, u: 0, d: 0 });
const counted = new Map(GATEWAYS.map((gateway) => [gateway, count(gateway.r, { ...sharedOutcomes })]));
const waivedRules = (gateway) => counted.get(gateway).w;
const passes = (gateway) => gateway.v[1] === 0 && counted.get(gateway).f === 0;

// Text a gateway is found by: names, addresses, users, its own paths and the rules behind them.
const texts = new Map();
function textOf(gateway) {
  let text = texts.get(gateway);
  if (text === undefined) {
    const paths = gateway.c.map((number) => POOLS.paths[POOLS.changes[number][0]]);
    const found = gateway.v[3].map((finding) => finding.join(" "));
    text = [gateway.n, gateway.s, gateway.i[0], JSON.stringify(fact(gateway, "interfaces") || {}),
      Object.keys(fact(gateway, "users") || {}).join(" "), ...paths, ...found].join("\n").toLowerCase();
    texts.set(gateway, text);
  }
  return text;
}
// Those that did not pass come first; the others, and each kind among themselves, by name.
function shown() {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  return GATEWAYS.filter((gateway) => {
    if (state.status === "verified" && !passes(gateway)) return false;
    if (state.status === "failed" && passes(gateway)) return false;
    if (state.status === "waived" && !waivedRules(gateway)) return false;
    return words.every((word) => textOf(gateway).includes(word));
  }).sort((one, other) => passes(one) - passes(other));
}
