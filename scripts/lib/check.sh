# For the scripts that test a program from outside: `check` counts, `checked` says how it went and is the script's end.
failures=0 checks=0

# check NAME CODE TEXT COMMAND...: the command ends with that exit code and prints that text.
check() {
    local name=$1 code=$2 text=$3 found=0 output
    shift 3
    output=$("$@" 2>&1) || found=$?
    checks=$((checks + 1))
    if [ "$found" -ne "$code" ] || ! grep -qF -- "$text" <<<"$output"; then
        failures=$((failures + 1))
        printf 'FAILED %s: exit code %s, expected %s with «%s»:\n%s\n' "$name" "$found" "$code" "$text" "$output" >&2
    fi
}

checked() {
    echo "$((checks - failures)) passed, $failures failed"
    [ "$failures" -eq 0 ]
}
