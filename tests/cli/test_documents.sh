#!/bin/sh
# The commands that README and tutorial show still run, those that train nothing, and print what stands below them: line by
# line with every number left open, for these differ between processors. A line of dots stands for any lines.
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
skeleton = lambda line: " ".join(re.sub(r"[+-]?\d[\d.]*(e[+-]?\d+)?[kMGBT]?\b", "#", line.split("not converged")[0]).split())
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

n = 0
for line in section("README.md", "use only the mathematics", "## Documents").splitlines():
    if line.startswith("    autoscale "):
        run(line)
        n += 1

def follow(text):
    """Run `$ command` and bare commands of indented blocks, and look for the lines that stand below the former."""
    global n
    for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.M):
        shown, wanted, asked = None, [], None
        for line in [x[4:] for x in block.splitlines()] + ["$ "]:
            if line.startswith("$ ") or line.startswith("autoscale "):
                at = 0
                for want in wanted:
                    if shown is None or skeleton(want) in ("", "…"):
                        continue
                    found = next((k for k in range(at, len(shown)) if alike(shown[k], skeleton(want))), None)
                    if found is None:
                        bad.append(f"{asked}\n    no longer prints: {want}")
                        break
                    at = found + 1
                asked, wanted = line.removeprefix("$ "), []
                if asked.startswith("autoscale "):
                    shown = [skeleton(x) for x in run(asked).splitlines()]
                    n += 1
                elif asked:
                    subprocess.run(asked, shell=True, check=True)
                    shown = []
            else:
                wanted.append(line)

# Inside a line … stands for anything.
alike = lambda line, want: re.fullmatch(".*".join(re.escape(x) for x in want.split("…")), line) is not None
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
    follow(page("text.md"))
    cluster = page("cluster.md")
    with open("rehearsal.yaml", "w") as f:
        f.write(re.search(r"```yaml\n(.*?)```", cluster, re.S)[1])
    follow(cluster)
    if not open("told.txt").read().startswith("done: The mixture for"):
        bad.append("guide/cluster.md: run.notify: " + open("told.txt").read())
if n < 34:
    bad.append(f"only {n} commands found")
print("\n".join(bad) or f"{n} commands of the documents run, and print what stands there")
sys.exit(bool(bad))
END
