# The image: the static binary, the CA certificates, and the user "nobody", as which kpt and kustomize run it.
#
#   docker build .                           compiles the binary in the image's own build stage
#   podman build --target prebuilt .         copies target/image/$TARGETARCH/{apigee-flux,ca-certificates.crt};
#                                            ./test writes that folder, so that it needs no registry
#
# The stage "prebuilt" is before "build" because buildah before 1.29 executes every stage above its target.

FROM scratch AS base
COPY functions/image/passwd functions/image/group /etc/
USER 65534:65534
WORKDIR /
ENTRYPOINT ["/apigee-flux"]
LABEL org.opencontainers.image.title="apigee-flux" \
      org.opencontainers.image.description="GitOps for Apigee: expands API proxy specs into ConfigMaps and Jobs for Flux, and deploys them" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM base AS prebuilt
ARG TARGETARCH
COPY target/image/${TARGETARCH}/ca-certificates.crt /etc/ssl/certs/
COPY target/image/${TARGETARCH}/apigee-flux /

FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN target=$(rustc -vV | sed -n 's/^host: //p') \
 && RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked --profile dist --target "$target" \
 && cp "target/$target/dist/apigee-flux" /apigee-flux

FROM base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /apigee-flux /
