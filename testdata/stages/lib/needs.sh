# The needs of stages, one function each: need_NAME installs or builds what is needed and returns 0, or sets $why and returns 1.
# A $why that starts with "broken: " is a failure of this repository; any other means that something is missing on this machine.
# Sourced by ./test at the repository's root.

ROOT=$PWD
TOOLS=$ROOT/target/tools
export ROOT TOOLS
export PATH=$TOOLS/bin:$TOOLS/python/bin:$TOOLS/node/node_modules/.bin:$PATH
export PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH=$ROOT/testdata/stages/lib

HOST=$(rustc -vV 2>/dev/null | sed -n 's/^host: //p')
# Cargo shows its progress on a terminal only.
CARGO_QUIET=()
[[ -t 2 ]] || CARGO_QUIET=(--quiet)

lack() {
    # shellcheck disable=SC2034 # ./test reads it
    why=$1
    return 1
}

# once NAME FILE... -- COMMAND...: runs the command unless it did so before with the same contents of the files.
once() {
    local name=$1 stamp=$TOOLS/.$1.stamp files=() digest log
    shift
    while [[ $1 != -- ]]; do
        files+=("$1")
        shift
    done
    shift
    digest=$(cat "${files[@]}" | sha256sum | cut -d' ' -f1)
    [[ ! -f $stamp || $(<"$stamp") != "$digest" ]] || return 0
    log=$TOOLS/$name.log
    mkdir -p "$TOOLS"
    echo "  installing $name into target/tools"
    if ! "$@" >"$log" 2>&1; then
        tail -n 15 "$log" | sed 's/^/        /'
        lack "$name could not be installed; see target/tools/$name.log, it needs the package registry once"
        return 1
    fi
    echo "$digest" >"$stamp"
}

# ---- this repository's own products

need_cargo() { command -v cargo >/dev/null || lack "cargo is not installed; see https://rustup.rs"; }

need_binary() {
    if [[ -n ${APIGEE_FLUX:-} ]]; then
        [[ -x $APIGEE_FLUX ]] || lack "broken: APIGEE_FLUX=$APIGEE_FLUX is no executable file"
        return
    fi
    [[ -z ${release_failed:-} ]] || lack "$release_failed" || return
    need_cargo || return
    case $HOST in
        *-linux-gnu) ;;
        *) lack "the static binary is built on Linux with glibc, this is $HOST; set APIGEE_FLUX to a binary" || return ;;
    esac
    end_early binary
    # Without --target, cargo would link build scripts and procedural macros statically too, which fails.
    RUSTFLAGS='-C target-feature=+crt-static' cargo build "${CARGO_QUIET[@]}" --locked --profile dist --target "$HOST" || {
        release_failed='broken: the build of the program failed'
        lack "$release_failed" || return
    }
    export APIGEE_FLUX=${CARGO_TARGET_DIR:-$ROOT/target}/$HOST/dist/apigee-flux
}

# Tests wait for timers and sockets half of their time, and the optimizer of the program's build uses one thread for most of its time. So the
# long builds begin with the first stage, and get the processor time that the stages leave. $EARLY names these needs; each waits for its
# own build with end_early.
EARLY=
declare -A early=()
begin_early() {
    local need
    for need in $EARLY; do
        [[ -z ${early[$need]:-} ]] || continue
        { renice -n 19 "$BASHPID" && "need_$need"; } >/dev/null 2>&1 &
        early[$need]=$!
    done
}
end_early() {
    [[ -z ${early[$1]:-} ]] || wait "${early[$1]}"
}

need_image() {
    [[ -z ${APIGEE_FLUX_IMAGE:-} ]] || return 0
    need_binary || return
    need_podman || return
    local arch context image former
    case $(uname -m) in
        x86_64) arch=amd64 ;;
        aarch64) arch=arm64 ;;
        *) lack "the image is made for amd64 and arm64, this machine is $(uname -m)" || return ;;
    esac
    context=$ROOT/target/image/$arch
    mkdir -p "$context"
    cp -L "$APIGEE_FLUX" "$context/apigee-flux"
    cp -L /etc/ssl/certs/ca-certificates.crt "$context/" ||
        lack "there are no CA certificates; apt-get install ca-certificates" || return
    # The name is different for each checkout: all checkouts share the machine's image store.
    image=localhost/apigee-flux:test-$(printf %s "$ROOT" | sha256sum | cut -c1-8)
    former=$(podman image inspect --format '{{.Id}}' "$image" 2>/dev/null)
    podman build --quiet --target prebuilt --build-arg TARGETARCH="$arch" --tag "$image" "$ROOT" >"$TOOLS/image.log" 2>&1 || {
        sed 's/^/        /' "$TOOLS/image.log"
        lack "broken: podman build failed" || return
    }
    if [[ -n $former && $former != "$(podman image inspect --format '{{.Id}}' "$image")" ]]; then
        podman rmi "$former" >/dev/null 2>&1
    fi
    export APIGEE_FLUX_IMAGE=$image
}

# ---- from the package registries

need_node() {
    command -v npm >/dev/null || lack "npm is not installed; apigeelint needs Node 20 or newer" || return
    once apigeelint testdata/tools/node/package{,-lock}.json -- install_node
}
install_node() {
    mkdir -p "$TOOLS/node" && cp testdata/tools/node/{package,package-lock}.json testdata/tools/node/.npmrc "$TOOLS/node/" &&
        (cd "$TOOLS/node" && npm ci --no-fund --no-audit --ignore-scripts)
}

need_python() {
    local base
    # Without the tools' own directory, which comes first in PATH once it exists.
    base=$(PATH=${PATH#"$TOOLS/bin:$TOOLS/python/bin:"} command -v python3) ||
        lack "python3 is not installed" || return
    "$base" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || lack "python3 is older than 3.10" || return
    once python-packages testdata/tools/python/requirements.txt -- install_python "$base"
}
install_python() {
    rm -rf "$TOOLS/python" && "$1" -m venv "$TOOLS/python" &&
        "$TOOLS/python/bin/pip" install --quiet --no-deps --requirement testdata/tools/python/requirements.txt
}

need_kustomize() { need_go && go_tool kustomize sigs.k8s.io/kustomize/kustomize/v5; }
need_podsecurity() { need_go && go_tool podsecurity ./podsecurity testdata/tools/go/podsecurity/main.go; }
need_kubectl() {
    # Debian's own package is too old for the pipe; if kubectl is missing, the pinned version is installed.
    command -v kubectl >/dev/null && [[ ! -x $TOOLS/bin/kubectl ]] && return 0
    need_go && go_tool kubectl ./kubectl testdata/tools/go/kubectl/main.go
}
need_go() { command -v go >/dev/null || lack "go is not installed; the pinned kustomize is built from its module"; }
go_tool() {
    local name=$1 package=$2
    shift 2
    once "$name" testdata/tools/go/go.{mod,sum} "$@" -- install_go_tool "$package"
}
install_go_tool() {
    (cd testdata/tools/go && GOBIN=$TOOLS/bin GOFLAGS=-mod=readonly CGO_ENABLED=0 go install -trimpath -ldflags '-s -w' "$1")
}

# etcd, kube-apiserver, the controllers for Jobs and Flux's controllers, with Flux's definitions, in $FLUX_TOOLS.
# FLUX_VERSION=1.10.1 takes that version of Flux's controllers instead of the pinned one.
need_flux_tools() {
    need_go || return
    end_early flux_tools
    command -v openssl >/dev/null || lack "openssl is not installed" || return
    once flux-tools testdata/tools/flux/go.{mod,sum} testdata/tools/flux/controlplane/*.go -- install_flux_tools || return
    export FLUX_TOOLS=$TOOLS/flux
    [[ -n ${FLUX_VERSION:-} ]] || return 0
    once "flux-$FLUX_VERSION" testdata/tools/flux/tools.go -- install_flux_version "$FLUX_VERSION" || return
    ln -sf ../flux/controlplane "$TOOLS/flux-$FLUX_VERSION/"
    FLUX_TOOLS=$TOOLS/flux-$FLUX_VERSION
}
install_flux_tools() {
    local module
    local -x GOBIN=$TOOLS/flux GOFLAGS=-mod=readonly CGO_ENABLED=0
    rm -rf "$TOOLS/flux" && mkdir -p "$TOOLS/flux/crds" || return
    (
        cd testdata/tools/flux || exit
        for module in source-controller kustomize-controller; do
            cp "$(go list -m -f '{{.Dir}}' "github.com/fluxcd/$module")"/config/crd/bases/*.yaml "$TOOLS/flux/crds/" || exit
        done
        # Without optimisation the build takes two thirds of the time, and the programs are fast enough.
        go install -trimpath -gcflags 'all=-N -l' -ldflags '-s -w' ./controlplane github.com/fluxcd/{source,kustomize}-controller
    ) && chmod -R u+w "$TOOLS/flux/crds"
}
# A module that requires this version alone, with the replacements of its own go.mod files, which do not reach other modules. Nothing is
# pinned: the checksum database of Go tells whether the modules are what everybody gets. A newer Go is downloaded if they need it.
install_flux_version() {
    local folder=$TOOLS/flux-$1 module file
    local -x GOBIN=$folder GOFLAGS=-mod=mod CGO_ENABLED=0 GOTOOLCHAIN=auto
    rm -rf "$folder" && mkdir -p "$folder/crds" "$folder/module" && cp testdata/tools/flux/tools.go "$folder/module/" || return
    (
        cd "$folder/module" || exit
        go mod init flux || exit
        for module in source-controller kustomize-controller; do
            file=$(go mod download -json "github.com/fluxcd/$module@v$1") || { echo "$file"; exit 1; }
            cp "$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' <<<"$file")"/config/crd/bases/*.yaml "$folder/crds/" || exit
            file=$(sed -n 's/.*"GoMod": "\(.*\)".*/\1/p' <<<"$file")
            # Those within the controller's own repository have no version.
            sed -nE 's/^(replace )?[[:space:]]*([^ ]+) => ([^ ]+) (v[^ ]+)$/-replace=\2=\3@\4/p' "$file" | xargs -r go mod edit || exit
        done
        go get "github.com/fluxcd/source-controller@v$1" "github.com/fluxcd/kustomize-controller@v$1" || exit
        go install -trimpath -gcflags 'all=-N -l' -ldflags '-s -w' github.com/fluxcd/{source,kustomize}-controller
    ) && chmod -R u+w "$folder/crds"
}

# Flux's own schemas. They are in the modules of its controllers, which are downloaded but not built.
need_flux_schemas() {
    need_go || return
    once flux-schemas testdata/tools/flux.sum -- install_flux_schemas
}
install_flux_schemas() {
    local module version sum found
    rm -rf "$TOOLS/flux-schemas" && mkdir -p "$TOOLS/flux-schemas" || return
    while read -r module version sum; do
        found=$(cd / && go mod download -json "$module@$version") || { echo "$found"; return 1; }
        grep -qF "\"$sum\"" <<<"$found" || { echo "$module@$version is not what testdata/tools/flux.sum says"; return 1; }
        cp "$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' <<<"$found")"/config/crd/bases/*.yaml "$TOOLS/flux-schemas/" || return
    done <testdata/tools/flux.sum
    chmod -R u+w "$TOOLS/flux-schemas"
}

# ---- from the system

need_podman() {
    command -v podman >/dev/null || lack "podman is not installed; run ./test --system" || return
    [[ -z ${podman_runs:-} ]] || return 0
    [[ -n ${CONTAINERS_CONF:-} ]] || write_containers_conf
    # kustomize runs containers by the fixed name "docker".
    mkdir -p "$TOOLS/shim"
    printf '#!/bin/sh\nexec podman "$@"\n' >"$TOOLS/shim/docker"
    chmod +x "$TOOLS/shim/docker"
    podman info >"$TOOLS/podman.log" 2>&1 ||
        lack "podman does not run here; see target/tools/podman.log (packages: ${SYSTEM_PACKAGES[*]})" ||
        return
    podman_runs=yes
}
write_containers_conf() {
    local nofile nproc
    nofile=$(at_most 20000 "$(ulimit -Hn)")
    nproc=$(at_most 32768 "$(ulimit -Hu)")
    mkdir -p "$TOOLS"
    {
        echo '[containers]'
        echo "default_ulimits = [\"nofile=$nofile:$nofile\", \"nproc=$nproc:$nproc\"]"
        echo 'netns = "none"'
        echo '[engine]'
        echo 'cgroup_manager = "cgroupfs"'
        echo 'events_logger = "none"'
        # crun does not support hybrid cgroups.
        [[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]] || echo 'runtime = "runc"'
    } >"$TOOLS/containers.conf"
    export CONTAINERS_CONF=$TOOLS/containers.conf
}
at_most() {
    if [[ $2 == unlimited || $2 -gt $1 ]]; then echo "$1"; else echo "$2"; fi
}

need_kpt() { command -v kpt >/dev/null || lack "kpt is not installed; run ./test --system, or see https://kpt.dev"; }

need_gcloud() {
    command -v gcloud >/dev/null || lack "gcloud is not installed; run ./test --system, or see https://cloud.google.com/sdk"
}

SYSTEM_PACKAGES=(podman buildah runc uidmap fuse-overlayfs netavark)

# Installs missing system tools. A tool that cannot be installed is reported by the stages that need it.
install_system_tools() {
    local wanted=() available=() package as_root=()
    command -v podman >/dev/null || wanted+=("${SYSTEM_PACKAGES[@]}")
    command -v kpt >/dev/null || wanted+=(google-cloud-cli-kpt)
    command -v gcloud >/dev/null || wanted+=(google-cloud-cli)
    command -v file >/dev/null || wanted+=(file)
    [[ ${#wanted[@]} -gt 0 ]] || return 0
    command -v apt-get >/dev/null || { echo "--system: there is no apt-get here to install: ${wanted[*]}"; return 0; }
    [[ $(id -u) -eq 0 ]] || as_root=(sudo)
    echo "installing with apt-get: ${wanted[*]}"
    "${as_root[@]}" apt-get update -qq || true
    for package in "${wanted[@]}"; do
        # Not `grep -q`, which would stop reading and let apt-cache fail with a broken pipe.
        if apt-cache policy "$package" | grep 'Candidate: [^(]' >/dev/null; then
            available+=("$package")
        else
            echo "--system: apt has no package $package"
        fi
    done
    [[ ${#available[@]} -eq 0 ]] ||
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${available[@]}" >/dev/null || true
}
