# Sourced by the scripts beside it: pinned helm and kubeconform, and the schemas of Kubernetes, all by the Go module proxy.
# They end in $cache, which is ${IOC_CACHE:-.cache}; what is there already in the right version is used as it is.

helm_version=v3.22.0
kubeconform_version=v0.7.0
kubernetes_version=1.34.4

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
mkdir -p "${IOC_CACHE:-$root/.cache}/bin"
cache="$(cd "${IOC_CACHE:-$root/.cache}" && pwd)"
export HELM_CACHE_HOME="$cache/helm/cache" HELM_CONFIG_HOME="$cache/helm/config" HELM_DATA_HOME="$cache/helm/data"

# get_tool NAME MODULE PACKAGE VERSION: leaves the program at $cache/bin/NAME.
get_tool() {
    local name=$1 module=$2 package=$3 version=$4
    if [[ -x "$cache/bin/$name" ]] && go version -m "$cache/bin/$name" | grep -qP "^\tmod\t\Q$module\E\t\Q$version\E\t"; then
        return
    fi
    echo "building $name $version (once) ..." >&2
    # From / so that no go.mod of whoever calls is looked at.
    (cd / && GOBIN="$cache/bin" GOFLAGS=-buildvcs=false go install "$package@$version")
}

# get_schemas: JSON schemas of Kubernetes' objects, made from the OpenAPI document inside its Go module.
get_schemas() {
    schemas="$cache/kubernetes-schemas/$kubernetes_version"
    # The converter is part of the key: a changed one makes them anew.
    local made_by
    made_by="$(sha256sum "$root/devtools/charts/k8s_schemas.py" | cut -c1-16)"
    if [[ -f "$schemas/.made-by-$made_by" ]]; then
        return
    fi
    echo "making the schemas of Kubernetes $kubernetes_version (once) ..." >&2
    local module
    module="$(cd / && go mod download -json "k8s.io/kubernetes@v$kubernetes_version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')"
    rm -rf "$schemas"
    python3 "$root/devtools/charts/k8s_schemas.py" "$module/api/openapi-spec/swagger.json" "$schemas" >&2
    touch "$schemas/.made-by-$made_by"
}

if ! command -v go >/dev/null; then
    echo "The charts' tools are built by Go 1.24 or newer, and 'go' is not on the path: install it." >&2
    exit 3
fi
get_tool helm helm.sh/helm/v3 helm.sh/helm/v3/cmd/helm "$helm_version"
get_tool kubeconform github.com/yannh/kubeconform github.com/yannh/kubeconform/cmd/kubeconform "$kubeconform_version"
get_schemas
helm="$cache/bin/helm"
kubeconform="$cache/bin/kubeconform"
