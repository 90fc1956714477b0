#!/bin/sh
# The commands that README and tutorial show still run, those that train nothing, and print what stands below them, line by
# line. Numbers agree to 1 % or two of their last digits: rounding differs between processors. Left open are times,
# residuals below 1e-6, and all numbers of runs that are trained. A line of dots stands for any lines.
set -eu
command=$1
here=$(pwd)
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r examples "$work"
cd "$work"
cp examples/c/runs.csv runs.csv
cp examples/c/runs.csv export.csv
cp examples/optima.csv .
echo '{"web": 0.5, "code": 0.2, "books": 0.3}' >llama.json
python3 - "$command" "$here" <<'END'
import json, os, random, re, shlex, subprocess, sys
command, here = sys.argv[1:]
os.environ["PATH"] = os.path.dirname(os.path.abspath(command)) + ":" + os.environ["PATH"]
NUMBER = r"[+-]?\d[\d.]*(?:e[+-]?\d+)?[kMGBT]?\b"
TIME = re.compile(r"(\d+m)?[\d.]+s\b")
plain = lambda line: " ".join(TIME.sub("#s", line.split("not converged")[0]).split())
bad = []

def run(line):
    words = shlex.split(line, comments=True)
    r = subprocess.run([command] + words[1:], capture_output=True, text=True)
    if r.returncode != 0:
        bad.append(f"{line}: exit {r.returncode}: {r.stderr.strip()}")
    return r.stdout

def section(name, start, end):
    text = open(os.path.join(here, name)).read()
    return text[text.index(start):text.index(end, text.index(start))]

def value(text):
    """A printed number, and how much one unit of its last digit is."""
    digits, power, suffix = re.fullmatch(r"([+-]?[\d.]+)(e[+-]?\d+)?([kMGBT]?)", text).groups()
    unit = float("1" + (power or "e0")) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}[suffix]
    digits = digits.rstrip(".")
    return float(digits) * unit, unit * 10.0 ** -len(digits.partition(".")[2])

def close(got, wanted):
    (x, _), (y, last) = value(got), value(wanted)
    return abs(x - y) <= max(2.01 * last, .01 * abs(y)) or max(abs(x), abs(y)) < 1e-6

def numbers_of(line, want):
    """The numbers of a line printed where those of `want` stand, None where its words differ. Inside it … stands for anything."""
    pattern = ".*".join(f"({NUMBER})".join(map(re.escape, re.split(NUMBER, part))) for part in want.split("…"))
    found = re.fullmatch(pattern, line)
    return found and list(found.groups())

def find(shown, want, timed, compare):
    """Index of the line that says `want`, None and the best one where there is none. timed: its last number is a time."""
    wanted, best = re.findall(NUMBER, want), None
    for k, line in enumerate(shown):
        got = numbers_of(line, want)
        if got is None:
            continue
        n = len(got) - timed
        if not compare or all(map(close, got[:n], wanted[:n])):
            return k, None
        best = best or line
    return None, best

n = 0
for line in section("README.md", "use only the mathematics", "## Documents").splitlines():
    if line.startswith("    autoscale "):
        run(line)
        n += 1

def follow(text, compare=True):
    """Run `$ command` and bare commands of indented blocks, and look for the lines that stand below the former."""
    global n
    for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.M):
        shown, wanted, asked = None, [], None
        for line in [x[4:] for x in block.splitlines()] + ["$ "]:
            if line.startswith("$ ") or line.startswith("autoscale "):
                at = timed = 0
                for want in map(plain, wanted):
                    if shown is None or want in ("", "…"):
                        continue
                    timed = want.endswith(" seconds") or bool(timed and re.search(NUMBER + "$", want))
                    found, instead = find(shown[at:], want, timed, compare)
                    if found is None:
                        bad.append(f"{asked}\n    no longer prints: {want}" + (f"\n    but:              {instead}" if instead else ""))
                        break
                    at += found + 1
                asked, wanted = line.removeprefix("$ "), []
                if asked.startswith("autoscale "):
                    shown = [plain(x) for x in run(asked).splitlines()]
                    n += 1
                elif asked:
                    subprocess.run(asked, shell=True, check=True)
                    shown = []
            else:
                wanted.append(line)

follow(section("docs/tutorial.md", "## I have only a table of runs", "## I have my own trainer"))
# The tutorials by role, each in a folder of its own; the short answers go on in that of the first.
page = lambda name: open(os.path.join(here, "docs/guide", name)).read()
follow(page("runs.md"))
follow(page("howto.md"))
os.environ["AUTOSCALE_DEMO_SECONDS"] = "1"
for k, (name, words) in enumerate([("web", "the a of river house evening slowly"), ("code", "int return if { } = + ;"), ("books", "she said that old garden light was")]):
    for folder in ("text/" + name, "care/answers"):
        os.makedirs(folder, exist_ok=True)
        draw = random.Random(k)
        with open(f"{folder}/{name}.jsonl", "w") as f:
            for d in range(60):
                f.write(json.dumps({"text": " ".join(draw.choices(words.split(), k=160)) + f" {d} {folder}"}) + "\n")
if not os.environ.get("ASC_SMALL"):
    follow(page("text.md"), compare=False)
    cluster = page("cluster.md")
    with open("rehearsal.yaml", "w") as f:
        f.write(re.search(r"```yaml\n(.*?)```", cluster, re.S)[1])
    follow(cluster, compare=False)
    if not open("told.txt").read().startswith("done: The mixture for"):
        bad.append("guide/cluster.md: run.notify: " + open("told.txt").read())
if n < (30 if os.environ.get("ASC_SMALL") else 36):
    bad.append(f"only {n} commands found")
print("\n".join(bad) or f"{n} commands of the documents run, and print what stands there")
sys.exit(bool(bad))
END
