// What only all gateways together show, and what was searched for in the raw images: as the build found it.
const LEAK_SCAN = "leak scan";

function aloneTable() {
  const lines = new Map();
  let searched = 0;
  for (const gateway of GATEWAYS) {
    const found = gateway.v[2].map((number) => pool("checks", number)).filter((check) => check.startsWith(LEAK_SCAN));
    for (const line of found) lines.set(line, (lines.get(line) || 0) + 1);
    searched += found.length ? 1 : 0;
  }
  const told = DATA.release.also.filter((one) => one[1] === 0).flatMap((one) => one[2]).map((number) => pool("checks", number));
  const rows = told.map((line) => ["Uniqueness", chip("ok", "✓"), line]);
  if (!told.length) {
    rows.push(["Uniqueness", chip("", "–"), GATEWAYS.length > 1 ? "The gateways were not compared with one another."
      : "One gateway: there is nobody to compare it with."]);
  }
  for (const [line, count] of lines) rows.push(["Leak scan", chip("ok", "✓"), `${plural(count, "gateway")}: ${line.slice(LEAK_SCAN.length + 2)}`]);
  if (searched < GATEWAYS.length) {
    rows.push(["Leak scan", chip("w", "not done"), `${plural(GATEWAYS.length - searched, "gateway")} without a search for secrets`]);
  }
  return table(["what", "outcome", "looked at"], rows.map(([what, outcome, line]) => [el("b", {}, what), outcome, line]),
    "stack told");
}
