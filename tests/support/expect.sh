# Read by the test scripts: how they fail, and what they expect of a command. Files go to the current folder.
fail() { echo "FAILED: $*"; exit 1; }

# expect CODE WORDS COMMAND...: exit code, and one line on stderr that holds the words.
expect() {
    want=$1; words=$2; shift 2
    code=0
    "$@" >out.txt 2>err.txt </dev/null || code=$?
    case $code in $want) ;; *) cat err.txt; fail "exit $code, expected $want: $*" ;; esac
    grep -q -- "$words" err.txt || { cat err.txt; fail "no '$words' from: $*"; }
    [ "$(grep -c . err.txt)" -le 1 ] || { cat err.txt; fail "more than one line from: $*"; }
}
