#!/bin/bash
# SPDX-License-Identifier: MIT
# steps.sh STEP - the steps of the action that are commands. Their input is the environment (action.yml), their output the files
# that the runner names in GITHUB_OUTPUT, GITHUB_PATH and GITHUB_STEP_SUMMARY.
set -euo pipefail

baseline=$RUNNER_TEMP/rampa-baseline # what the runs of the branch have left
result=$RUNNER_TEMP/rampa-result.json
page=$RUNNER_TEMP/rampa-comparison.md

# So many runs of the branch are compared with: they tell what changes from run to run anyway.
baseline_runs=5

output() {
    printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}

install() {
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
    "$root/dev" setup build
    python3 -m venv "$RUNNER_TEMP/rampa"
    "$RUNNER_TEMP/rampa/bin/pip" install --quiet "$root"
    printf '%s\n' "$RUNNER_TEMP/rampa/bin" >>"$GITHUB_PATH"
}

# The step itself passes: the result is kept and compared before the last step judges it.
run() {
    set -- --out "$result" --output github
    [ -z "$VUS" ] || set -- "$@" --vus "$VUS"
    [ -z "$DURATION" ] || set -- "$@" --duration "$DURATION"
    code=0
    rampa run "$@" -- "$SCRIPT" || code=$?
    output exit-code "$code"
    [ ! -s "$result" ] || output result "$result"
}

# The results of the last runs of the branch that passed, the newest last. The run at work is not among them, and neither are runs for
# pull requests: a fork may call its own branch "main" too.
fetch() {
    rm -rf "$baseline" && mkdir -p "$baseline"
    if ! ids=$(gh run list --repo "$GITHUB_REPOSITORY" --workflow "$GITHUB_WORKFLOW" --branch "$COMPARE_BRANCH" \
        --status success --limit "$((10 * baseline_runs))" --json databaseId,event --jq '.[] | "\(.databaseId) \(.event)"'); then
        printf '::warning::rampa: the runs of the branch cannot be listed; does the job have the permission "actions: read"?\n'
        return 0
    fi
    for id in $(printf '%s\n' "$ids" | awk -v own="$GITHUB_RUN_ID" '$1 != own && $2 !~ /^pull_request/ { print $1 }' |
        head -n "$baseline_runs" | tac); do
        file=$baseline/$id/${result##*/}
        gh run download "$id" --repo "$GITHUB_REPOSITORY" --name "$ARTIFACT_NAME" --dir "$baseline/$id" || continue
        # Another version of rampa may have written what this one cannot read, and says so in the log.
        [ ! -f "$file" ] || ! rampa compare "$file" "$file" >"$page" || files+=("$file")
    done
}

compare() {
    files=()
    [ -z "$COMPARE_BRANCH" ] || fetch
    [ "${#files[@]}" -gt 0 ] || return 0
    code=0
    rampa compare "${files[@]}" "$RESULT_FILE" --format markdown >"$page" || code=$?
    case $code in
    0) output regressed false ;;
    1) output regressed true ;;
    *) return "$code" ;; # it has said why
    esac
    cat "$page" >>"$GITHUB_STEP_SUMMARY"
    output page "$page"
}

# One comment for each artifact of a pull request, which later runs change. A run for a pull request from a fork may not write one.
comment() {
    mark="<!-- rampa: $ARTIFACT_NAME -->"
    { printf '%s\n' "$mark" && cat "$PAGE_FILE"; } >"$page.comment"
    comments=repos/$GITHUB_REPOSITORY/issues
    id=$(MARK=$mark gh api --paginate "$comments/$PULL_REQUEST/comments" \
        --jq '.[] | select(.body | startswith(env.MARK)) | .id' | head -n 1) || id=
    if [ -n "$id" ]; then
        set -- --method PATCH "$comments/comments/$id"
    else
        set -- --method POST "$comments/$PULL_REQUEST/comments"
    fi
    gh api "$@" --field "body=@$page.comment" --silent ||
        printf '::warning::rampa: the comment cannot be written; does the job have the permission "pull-requests: write", and is it below 65,536 characters?\n'
}

case ${1-} in
install | run | compare | comment) "$1" ;;
*)
    printf 'steps.sh: no step "%s"; there are install, run, compare and comment\n' "${1-}" >&2
    exit 2
    ;;
esac
