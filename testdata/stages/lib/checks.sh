# For stages in bash: `check WHAT COMMAND...` prints one line for each check, `finish` ends the stage.

set -uo pipefail
failures=0

check() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "  ok    $what"
    else
        echo "  FAIL  $what"
        printf '%s\n' "$output" | head -n 40 | sed 's/^/        /'
        failures=$((failures + 1))
        return 1
    fi
}

finish() { exit $((failures > 0)); }

# Fails unless the command exits with STATUS and prints a match of the extended regular expression.
fails_with() {
    local status=$1 pattern=$2 output actual
    shift 2
    output=$("$@" 2>&1)
    actual=$?
    printf '%s\n' "$output"
    [[ $actual -eq $status ]] || { echo "exit status $actual, not $status"; return 1; }
    grep -Eq -- "$pattern" <<<"$output" || { echo "no match of: $pattern"; return 1; }
}

same_tree() { diff -r "$@"; }
