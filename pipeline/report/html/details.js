// Everything about one gateway, made when somebody opens it.
const part = (title, ...content) => el("div", {}, el("h3", {}, title), content);
const full = (title, ...content) => el("div", { class: "full" }, el("h3", {}, title), content);
const table = (heads, rows, kind) => el("div", { class: "scroll" }, el("table", { class: kind || "stack" },
  el("thead", {}, el("tr", {}, heads.map((head) => el("th", {}, head)))),
  el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell)))))));
const definitions = (pairs) => el("dl", {}, pairs.filter(([, value]) => value).map(([name, value]) => [
  el("dt", {}, name), el("dd", {}, value)]));
const documents = (lines) => lines && lines.length ? el("span", { class: "doc" }, ` ${[].concat(lines).join(", ")}`) : null;

function details(gateway) {
  return el("div", { class: "body" },
    verdictPart(gateway), part("What it is", definitions(aboutPairs(gateway))),
    part("Who gets in", portPicture(gateway), triedPorts(gateway)),
    el("div", {}, part("Disk", diskPicture(pool("disks", gateway.d))), usersPart(gateway)),
    peoplePart(gateway), packagesPart(gateway),
    full("Keys and certificates", certificateTable(all(gateway, "k"))), waiverPart(gateway), changesPart(gateway));
}

function verdictPart(gateway) {
  const [, status, checks, findings] = gateway.v;
  const failed = judgements(gateway).filter((one) => one[1] === "f");
  return part("Verdict", chip(...STATUS[status]),
    el("ul", {},
      findings.map(([subject, check, expected, seen, outcome]) => el("li", { class: "found" }, code(subject),
        ` ${check}: ${outcome === "not looked" ? "could not look: " : ""}`,
        expected ? `expected ${expected}, found ${seen}` : seen)),
      failed.map((one) => el("li", { class: "found" }, code(pool("rules", one[0])[0]), ` ${one[3].join("; ") || one[2]}`)),
      checks.map((check) => el("li", { class: "soft" }, `✓ ${pool("checks", check)}`))));
}

function aboutPairs(gateway) {
  const os = fact(gateway, "os_release") || {}, ssh = fact(gateway, "ssh");
  const interfaces = Object.entries(fact(gateway, "interfaces") || {});
  return [
    ["Serial number", gateway.s], ["System", [os.PRETTY_NAME, fact(gateway, "init")].filter(Boolean).join(", ")],
    ["Interfaces", interfaces.length ? el("ul", {}, interfaces.map(([name, one]) => el("li", {},
      `${name}: ${[one.state, one.method, one.address].filter(Boolean).join(", ")}`))) : ""],
    ["SSH", ssh ? `port ${ssh.port}, passwords ${ssh.passwords ? "allowed" : "refused"}, root ${
      ssh.root_login ? "allowed" : "refused"}` : ""],
    ["Services off", (fact(gateway, "services_disabled") || []).join(", ")],
    ["Host keys", el("ul", {}, (fact(gateway, "host_keys") || []).map((key) => el("li", {}, code(key))))],
    ["Image", [bytes(gateway.i[1]), el("br"), code(gateway.i[0])]],
  ];
}

function peoplePart(gateway) {
  const steps = all(gateway, "t").map((number) => pool("steps", number));
  return full("Left for people", steps.length ? el("ul", { class: "steps" }, steps.map(([text, document_]) =>
    el("li", {}, text, documents(document_ ? [document_] : [])))) : el("p", { class: "soft" }, "Nothing."));
}

// What became of a first packet, by the image's own rules: the closed doors that people ask about.
function triedPorts(gateway) {
  const tried = (fact(gateway, "firewall") || {}).verdicts || [];
  if (!tried.length) return null;
  const said = (source, verdict) => {
    const ports = tried.filter((one) => one.source === source && one.verdict === verdict).map((one) => one.port);
    return ports.length ? `${ports.join(", ")} ${verdict}` : "";
  };
  return el("ul", { class: "tried" }, [...new Set(tried.map((one) => one.source))].map((source) => el("li", {},
    `Tried from ${source || "anybody"}: tcp ${[said(source, "accepted"), said(source, "refused")].filter(Boolean).join("; ")}`)));
}

function usersPart(gateway) {
  const users = Object.entries(fact(gateway, "users") || {}), console_ = fact(gateway, "console");
  return part("Accounts", table(["user", "uid", "keys", "sudo"], users.map(([name, one]) => [
    el("b", {}, name), `uid ${one.uid}`, plural(one.keys, "key"), `sudo: ${one.sudo}`])),
  console_ && console_.username ? el("p", { class: "soft" }, `Console user: ${console_.username}`) : null);
}

// Signer and what the gateway makes of it: its own keystore and the rules about bundles and their policy.
function packagesPart(gateway) {
  const packages = pool("packages", gateway.p);
  if (!packages.length) return full("Packages and bundles", el("p", { class: "soft" }, "None installed."));
  const known = new Map(all(gateway, "k").map((number) => pool("certificates", number)).map((one) => [one[3], one[2]]));
  const admitted = fact(gateway, "bundles") || {};
  const rows = packages.flatMap(([file, , version, bundles]) => bundles.map(([name, bundleVersion, signers, resigned]) => {
    const trusted = signers.find((signer) => known.has(signer));
    const policy = admitted[name];
    return [
      [el("b", {}, name), ` ${bundleVersion}`, el("br"), el("span", { class: "soft" }, `${file}, ${version}`)],
      signers.length ? [code(signers[0]), el("br"), el("span", { class: "soft" },
        resigned ? "signed by this build" : "came signed")] : chip("bad", "unsigned"),
      [trusted ? chip("ok", `trusted: ${known.get(trusted)}`) : chip("bad", "signer not in the keystores"),
        policy ? [el("br"), chip(policy.runs ? "ok" : "bad", policy.runs ? `runs, may do ${policy.may}` : "will not run"),
          el("div", { class: "soft" }, policy.rows.map((row) => `policy row ${row}`).join(", "))] : null],
    ];
  }));
  const rules = judgements(gateway).filter((one) => /^(bundles|policy|packages)\./.test(pool("rules", one[0])[0]));
  return full("Packages, bundles and policy", table(["bundle", "signer", "verdict"], rows),
    el("ul", {}, rules.map((one) => el("li", {}, chip(one[1], OUTCOMES[one[1]][1]), " ", pool("rules", one[0])[1],
      el("span", { class: "soft" }, ` · ${one[2]}`)))));
}

function certificateTable(numbers) {
  const rows = numbers.map((number) => pool("certificates", number)).sort((a, b) => a[6] - b[6]);
  if (!rows.length) return el("p", { class: "soft" }, "None.");
  return table(["certificate", "in", "valid until"], rows.map(([store, type, alias, subject, sha256, end, days, dev, key]) => {
    const kind = days < 90 ? "f" : days < 365 ? "w" : "p";
    const meter = el("div", { class: `meter ${kind}` }, el("i"));
    // Ten years fill the bar.
    meter.firstChild.style.width = `${Math.min(100, Math.max(2, days / 36.5))}%`;
    return [
      [el("b", {}, alias), key ? [" ", chip("", "private key")] : null, dev ? [" ", chip("w", "development")] : null,
        el("br"), subject, el("br"), el("span", { class: "code soft" }, sha256.slice(0, 32) + "…")],
      [code(store), el("br"), el("span", { class: "soft" }, type)],
      [day(end), el("br"), el("span", { class: "soft" },
        days < 0 ? `expired ${span(-days)} before the release` : `${span(days)} after the release`), meter],
    ];
  }));
}

function waiverPart(gateway) {
  const waived = judgements(gateway).filter((one) => one[1] === "w");
  return waived.length ? full("Waivers", waiverTable(waived)) : null;
}
const waiverTable = (waived) => table(["rule", "why it may stay", "until"], waived.map((one) => {
  const [id, title, lines] = pool("rules", one[0]), [reason, by, until] = one[4];
  return [[code(id), documents(lines), el("br"), title, one[3].map((breach) => el("div", { class: "soft" }, breach))],
    [reason, el("br"), el("span", { class: "soft" }, by)], until];
}));

function changesPart(gateway) {
  const own = gateway.c.map((number) => [pool("changes", number), true]);
  const common = DATA.shared.c.map((number) => [pool("changes", number), false]);
  const alone = GATEWAYS.length < 2;
  const place = el("div", {});
  const filter = el("input", { type: "search", placeholder: "Path, rule, source or line", "aria-label": "Filter changes" });
  const which = el("select", { "aria-label": "Which changes" }, [["", "All changes"], ["own", "Only this gateway's own"],
    ["common", "Only those all gateways share"]].map(([value, text]) => el("option", { value }, text)));
  const show = () => {
    const word = filter.value.toLowerCase();
    const rows = [...common, ...own].filter(([change, mine]) => (!which.value || (which.value === "own") === mine)
      && (!word || changeText(change).includes(word))).sort(([a], [b]) => a[0] === b[0] ? 0
      : POOLS.paths[a[0]] < POOLS.paths[b[0]] ? -1 : 1);
    place.replaceChildren(table(["path", "change", "because of"], rows.map(([change, mine]) => changeRow(change, mine || alone)),
      "stack changes"), el("p", { class: "soft" }, plural(rows.length, "path")));
  };
  filter.addEventListener("input", show);
  which.addEventListener("change", show);
  show();
  return full("What changed, and why", el("div", { class: "tools" }, filter, alone ? null : which), place);
}
const changeText = (change) => [POOLS.paths[change[0]], change[1], ...pool("origins", change[3]).flat()].join(" ").toLowerCase();
function changeRow([path, action, kind, origins, mode, size, content], mine) {
  const kinds = { f: "", d: "directory", l: "link", c: "device", b: "device", p: "FIFO", s: "socket" };
  const secret = content === "secret";
  const about = mode === undefined ? [] : [kinds[kind], POOLS.modes[mode], kind === "f" ? bytes(size) : "", content];
  return [
    [code(POOLS.paths[path]), el("br"), el("span", { class: "soft code" }, about.filter(Boolean).join(" · "))],
    [chip(action, action), secret ? [" ", chip("u", "secret")] : null, mine ? null : [" ", chip("", "all")]],
    pool("origins", origins).map(([rule, source, line]) => el("span", { class: "origin" }, code(rule),
      documents(line ? [line] : []), el("span", { class: "soft" }, ` · ${source}`))),
  ];
}
