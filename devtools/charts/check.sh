#!/usr/bin/env bash
# Holds the charts to Helm and to Kubernetes: lints, renders and validates every chart, each profile and every option;
# then proves that the checks can fail. Changes nothing in the tree. `tests/charts` holds them to the services.
set -euo pipefail

# shellcheck source=devtools/charts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
services=(gateway registry ingest kpi alerts soc-bridge)
# `go install` leaves Helm without the version of Kubernetes that it was made for.
for_cluster=(--kube-version "$kubernetes_version")

stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
cp -r "$root/helm" "$stage/helm"
cd "$stage/helm"

validate() {
    local found
    # It is content with no object at all, so they are counted.
    found="$("$kubeconform" -strict -summary -output json \
        -schema-location "$schemas/{{ .ResourceKind }}{{ .KindSuffix }}.json" -)" || { echo "$found" >&2; return 1; }
    grep -qP '"valid": [1-9]' <<<"$found" || { echo "nothing was rendered: $found" >&2; return 1; }
    grep -oP '"valid": \K[0-9]+' <<<"$found"
}

# render_and_validate NAME CHART HELM-ARGUMENTS...
render_and_validate() {
    local name=$1 chart=$2 objects
    shift 2
    "$helm" lint --strict --quiet "$chart" "${for_cluster[@]}" "$@"
    "$helm" template ioc "$chart" "${for_cluster[@]}" "$@" >"$stage/rendered.yaml"
    objects="$(validate <"$stage/rendered.yaml")"
    printf '%-34s %3d objects valid\n' "$name" "$objects"
}

must_fail() {
    local what=$1 expected=$2 said
    shift 2
    if said="$("$@" 2>&1)"; then
        echo "the check cannot fail: $what was let through" >&2
        exit 1
    fi
    grep -qF "$expected" <<<"$said" || { echo "$what failed, but not for its reason: $said" >&2; exit 1; }
    echo "refused, as it should be: $what"
}

echo "Helm $helm_version, kubeconform $kubeconform_version, Kubernetes $kubernetes_version"
python3 "$root/devtools/charts/sync.py" --check
for chart in "${services[@]}" ioc; do
    "$helm" dependency build "$chart" >"$stage/dependency.log" 2>&1 || { cat "$stage/dependency.log" >&2; exit 1; }
done

# A service by itself gets what all share, and nothing of the other services.
awk '/^[^ #]/ {keep = /^global:/} keep' ioc/values-province.yaml >"$stage/global.yaml"
for chart in "${services[@]}"; do
    render_and_validate "$chart" "$chart" -f "$stage/global.yaml"
done
province=(-f ioc/values-province.yaml)
render_and_validate "ioc, province" ioc "${province[@]}"
render_and_validate "ioc, centre" ioc -f ioc/values-centre.yaml
render_and_validate "ioc, every option" ioc "${province[@]}" -f "$root/devtools/charts/every-option.yaml"

render_broken() {
    "$helm" template ioc ioc "${for_cluster[@]}" "${province[@]}" \
        | sed 's/readOnlyRootFilesystem/readOnlyRootFileSystem/' | validate
}
must_fail "a misspelt value of a service" "replica" \
    "$helm" template ioc ioc "${for_cluster[@]}" "${province[@]}" --set registry.replica=3
must_fail "a misspelt service" "regsitry" \
    "$helm" template ioc ioc "${for_cluster[@]}" "${province[@]}" --set regsitry.replicas=3
must_fail "a secret without its key" "key" \
    "$helm" template ioc ioc "${for_cluster[@]}" "${province[@]}" --set registry.secrets.databaseUrl.key=null
must_fail "everybody as the database" "peers" \
    "$helm" template ioc ioc "${for_cluster[@]}" "${province[@]}" --set-json 'global.network.postgres.peers=[]'
must_fail "values without addresses" "issuer" "$helm" template ioc ioc "${for_cluster[@]}"
must_fail "a field that Kubernetes does not know" "readOnlyRootFileSystem" render_broken
echo "the charts are in order"
