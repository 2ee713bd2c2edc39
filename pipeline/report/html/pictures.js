// Pictures: who reaches which port, and how the disk is divided.
function draw(tag, about, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(about)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const SERVICES = { icmp: "ping", "udp 53": "DNS", "tcp 53": "DNS", "udp 67": "DHCP", "udp 68": "DHCP", "tcp 502": "Modbus" };

// Every way in, as [who, what, class]; from the firewall's own rules where the manifest has them.
function waysIn(gateway) {
  const ssh = fact(gateway, "ssh"), console_ = fact(gateway, "console"), open = fact(gateway, "open_ports");
  const names = new Map();
  if (ssh) names.set(String(ssh.port), "SSH, keys only");
  for (const port of (console_ || {}).ports || []) names.set(String(port), "console");
  if (open) {
    return open.map(({ protocol, ports, source, interfaces }) => {
      const who = [source || "anybody", interfaces.length ? `on ${interfaces.join(", ")}` : ""].filter(Boolean).join(" ");
      const name = names.get(ports) || SERVICES[`${protocol} ${ports}`.trim()] || "";
      const what = [[protocol, ports].filter(Boolean).join(" ") || "everything", name].filter(Boolean).join(" · ");
      return [who, what, source || interfaces.length ? "open" : "wide"];
    });
  }
  const ways = [];
  if (ssh) ways.push(["anybody", `tcp ${ssh.port} · SSH, keys only`, "wide"]);
  for (const port of (console_ || {}).ports || []) {
    for (const network of console_.reachable_from || []) ways.push([network, `tcp ${port} · console`, "open"]);
  }
  return ways;
}

function portPicture(gateway) {
  const ways = waysIn(gateway);
  const policy = judgements(gateway).find((one) => pool("rules", one[0])[0] === "firewall.policy");
  if (policy && policy[1] === "p") ways.push(["anybody", "everything else: dropped", "shut"]);
  if (!ways.length) return el("p", { class: "soft" }, "The manifest says nothing of open ports.");
  // On a phone who stands above what, so that both can be read.
  const narrow = matchMedia("(max-width: 720px)").matches;
  const step = narrow ? 74 : 38;
  const svg = draw("svg", { viewBox: `0 0 ${narrow ? 330 : 520} ${ways.length * step + 8}`, role: "img" });
  svg.append(draw("title", {}, `Ways into ${gateway.n}: ${ways.map(([who, what]) => `${who}: ${what}`).join("; ")}`));
  ways.forEach(([who, what, kind], index) => {
    const y = index * step + 4;
    if (narrow) {
      svg.append(
        draw("rect", { x: 1, y, width: 230, height: 28, rx: 14, class: "s-box" }),
        draw("text", { x: 16, y: y + 18.5 }, who),
        draw("path", { d: `M22 ${y + 28}V${y + 47}H${kind === "shut" ? 30 : 40}`, class: `s-${kind}` }),
        kind === "shut"
          ? draw("path", { d: `M31 ${y + 42}l10 10m0-10l-10 10`, class: "s-shut s-cross" })
          : draw("path", { d: `M35 ${y + 42}l6 5l-6 5`, class: `s-${kind}` }),
        draw("rect", { x: 46, y: y + 33, width: 282, height: 28, rx: 6, class: `s-${kind}f` }),
        draw("text", { x: 58, y: y + 51.5 }, what),
      );
      return;
    }
    svg.append(
      draw("rect", { x: 1, y: y, width: 196, height: 30, rx: 15, class: "s-box" }),
      draw("text", { x: 99, y: y + 19.5, "text-anchor": "middle" }, who),
      draw("path", { d: `M197 ${y + 15}H${kind === "shut" ? 246 : 268}`, class: `s-${kind}` }),
      kind === "shut"
        ? draw("path", { d: `M250 ${y + 9}l12 12m0-12l-12 12`, class: "s-shut s-cross" })
        : draw("path", { d: `M262 ${y + 10}l6 5l-6 5`, class: `s-${kind}` }),
      draw("rect", { x: 274, y: y, width: 244, height: 30, rx: 6, class: `s-${kind}f` }),
      draw("text", { x: 286, y: y + 19.5 }, what),
    );
  });
  return svg;
}

function diskPicture(disk) {
  const svg = draw("svg", { viewBox: "0 0 560 34", role: "img" });
  svg.append(draw("title", {}, `Disk of ${bytes(disk.size)}, ${disk.table}`));
  const keys = el("tbody", {});
  const row = (kind, ...cells) => keys.append(el("tr", {}, el("td", {}, mark(kind), cells[0]),
    cells.slice(1).map((cell) => el("td", {}, cell))));
  // Every piece can be seen, however small; the large ones share the rest by their size.
  const pieces = [];
  let end = 0;
  disk.partitions.forEach((part, index) => {
    if (part[1] > end) pieces.push(["gap", part[1] - end]);
    pieces.push([String(index % 5), part[2], part]);
    end = part[1] + part[2];
  });
  if (disk.size > end) pieces.push(["gap", disk.size - end]);
  const least = 9, rest = 560 - least * pieces.length;
  let x = 0;
  for (const [kind, size, part] of pieces) {
    const width = least + rest * size / disk.size;
    svg.append(draw("rect", { x: x + 1, y: 1, width: Math.max(width - 2, 2), height: 32, rx: 4, class: `s-${kind}` }));
    x += width;
    if (part) row(kind, part[5] || `partition ${part[0]}`, [part[3], part[4]].filter(Boolean).join(" · "), bytes(size));
  }
  const outside = pieces.filter(([kind]) => kind === "gap").reduce((sum, [, size]) => sum + size, 0);
  if (outside) row("gap", "outside partitions", `${disk.table} table, gaps`, bytes(outside));
  return [svg, el("table", {}, keys)];
}
const mark = (kind) => {
  const square = draw("svg", { viewBox: "0 0 11 11", class: "key" });
  square.append(draw("rect", { width: 11, height: 11, rx: 3, class: `s-${kind}` }));
  return square;
};
