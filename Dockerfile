# The image of the provider and the controller, for amd64 and arm64: Debian's own Python 3.11, without
# a shell, a package manager or a compiler.
#
#   make image                         or: docker build --tag secrets-provider-aws .
#   make image PLATFORM=linux/arm64    needs no emulation: no program of the target runs in the build
#
# Both architectures, pushed to a registry:
#   make image BUILDER="docker buildx" IMAGE=… PLATFORM=linux/amd64,linux/arm64 ARGS=--push
#
# For builds that give the same image twice, pin both bases:
#   --build-arg RUNTIME_IMAGE=gcr.io/distroless/python3-debian12@sha256:…
ARG BUILD_IMAGE=docker.io/library/python:3.11-slim-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/python3-debian12:latest

# ---- the packages, as wheels for the target; pip's and our own tools stay behind ----------------
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS packages
ARG TARGETARCH
ENV SITE=/image/usr/local/lib/python3.11/dist-packages
COPY requirements/runtime.txt /build/
# Locked by hash, wheels only: nothing is compiled and no package's code runs here.
RUN case "$TARGETARCH" in \
      amd64) machine=x86_64 ;; \
      arm64) machine=aarch64 ;; \
      *) echo "no image for $TARGETARCH" >&2; exit 1 ;; \
    esac \
 && python3 -m pip install --quiet --no-cache-dir --no-compile --no-deps --require-hashes \
      --only-binary=:all: --implementation=cp --python-version=3.11 \
      --platform="manylinux2014_$machine" --platform="manylinux_2_28_$machine" \
      --target="$SITE" --requirement=/build/runtime.txt
COPY deploy/image/trim.py /build/
RUN python3 /build/trim.py "$SITE"
COPY deploy/image/secrets-provider-aws /image/usr/local/bin/
COPY LICENSE /image/usr/share/doc/secrets-provider-aws/
COPY provider "$SITE/provider"
# The controller runs as another user than root, and a clone may be readable by its owner alone.
RUN chmod 0755 /image/usr/local/bin/secrets-provider-aws \
 && chmod -R a+rX "$SITE/provider" \
 && find "$SITE/provider" -name '*.pyi' -delete

# ---- bytecode, of the standard library too, by the Python that will run it ----------------------
FROM --platform=$BUILDPLATFORM ${RUNTIME_IMAGE} AS bytecode
COPY --from=packages /image /image
COPY deploy/image/compile.py /build/
# Without the columns of each instruction, which tracebacks underline by: a tenth of the memory.
RUN ["/usr/bin/python3", "-X", "no_debug_ranges", "/build/compile.py", "/image"]

# ---- the image ----------------------------------------------------------------------------------
FROM ${RUNTIME_IMAGE}
ARG VERSION=unknown
LABEL org.opencontainers.image.title="secrets-provider-aws" \
      org.opencontainers.image.description="AWS Secrets Manager and SSM Parameter Store for Kubernetes: CSI driver provider and External Secrets controller" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
# Two arenas instead of eight a core keep what malloc holds back small. aiohttp loads the system's
# authorities when it is imported, which takes more than a MiB; nothing here is checked by them.
ENV MALLOC_ARENA_MAX=2 \
    SSL_CERT_FILE=/dev/null \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=bytecode /image /
# It runs as the base's user, uid 0: the driver's folder on the node is root's, and so must the
# socket be. It needs no capability for that: drop them all.
EXPOSE 8989
ENTRYPOINT ["/usr/local/bin/secrets-provider-aws"]
