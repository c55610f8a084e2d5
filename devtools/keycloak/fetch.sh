#!/usr/bin/env bash
# Puts the pinned Keycloak under ${IOC_CACHE:-.cache}/keycloak and prints the folder that holds bin/kc.sh.
# Maven is the client because Keycloak publishes its distribution as a Maven artifact; a second call only prints.
set -euo pipefail

version=26.7.3
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cache="${IOC_CACHE:-$root/.cache}"
mkdir -p "$cache/keycloak"
cache="$(cd "$cache/keycloak" && pwd)"
home="$cache/keycloak-$version"

if [[ -x "$home/bin/kc.sh" ]]; then
    echo "$home"
    exit 0
fi

for tool in mvn unzip java; do
    if ! command -v "$tool" >/dev/null; then
        echo "Keycloak needs '$tool' on the path: install it (Debian: maven, unzip, openjdk-17-jre-headless)." >&2
        exit 3
    fi
done

artifact="org.keycloak:keycloak-quarkus-dist:$version:zip"
mvn -B -q dependency:get -Dartifact="$artifact" -Dtransitive=false >&2
mvn -B -q dependency:copy -Dartifact="$artifact" -DoutputDirectory="$cache" >&2

# Unpacked beside its final place and then renamed: an interrupted run leaves no half-made installation behind.
staging="$(mktemp -d "$cache/unpack.XXXXXX")"
trap 'rm -rf "$staging"' EXIT
unzip -q "$cache/keycloak-quarkus-dist-$version.zip" -d "$staging"
mv "$staging/keycloak-$version" "$home"
rm -f "$cache/keycloak-quarkus-dist-$version.zip"
echo "$home"
