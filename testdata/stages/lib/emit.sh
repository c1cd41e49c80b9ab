# emit_everything OUT: writes what the function renders for every package and example of this repository, one stream each, to
# OUT/NAME.yaml. Needs binary and kustomize.

emit_everything() {
    local out=$1 folder overlay
    mkdir -p "$out"
    "$APIGEE_FLUX" render testdata/kpt >"$out/kpt.yaml" || return
    for overlay in testdata/kustomize/overlays/*/; do
        pipe_variant "$out/kustomize" &&
            kustomize build "$out/kustomize/overlays/$(basename "$overlay")" |
            "$APIGEE_FLUX" >"$out/kustomize-$(basename "$overlay").yaml" || return
    done
    rm -rf "$out/kustomize"
    for overlay in examples/flux/environments/*/; do
        kustomize build "$overlay" | "$APIGEE_FLUX" >"$out/flux-$(basename "$overlay").yaml" || return
    done
    for folder in examples/*/; do
        [[ -d $folder ]] || continue
        if [[ -f $folder/kustomization.yaml ]]; then
            kustomize build "$folder" | "$APIGEE_FLUX" >"$out/$(basename "$folder").yaml" || return
        elif grep -lq '^kind: ApigeeEnvironment' "$folder"/*.yaml 2>/dev/null; then
            "$APIGEE_FLUX" render "$folder" >"$out/$(basename "$folder").yaml" || return
        fi
    done
}

# The kustomize package without its function, for the pipe.
pipe_variant() {
    rm -rf "$1" && cp -r testdata/kustomize "$1" && sed -i '/\.\.\/component$/d' "$1"/overlays/*/kustomization.yaml
}
