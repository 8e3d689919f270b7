#!/usr/bin/env bash
# Builds the image where no registry is reached, and unpacks it: offline.sh FOLDER [BUILDAH ARGUMENT…]
#
# Stand-ins for both bases are made of Debian 12's packages: the same ones, laid out in the same
# manner (unpacked, never configured), as distroless's python3-debian12. To try the Dockerfile and
# to run what comes of it (make image-check), not to ship. Root on Debian 12, with buildah and
# debootstrap.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs

target=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

runtime_packages=(
  base-files ca-certificates gcc-12-base libbz2-1.0 libc6 libcom-err2 libcrypt1 libdb5.3 libexpat1
  libffi8 libgcc-s1 libgomp1 libgssapi-krb5-2 libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0
  liblzma5 libncursesw6 libnsl2 libpython3.11-minimal libpython3.11-stdlib libreadline8
  libsqlite3-0 libssl3 libstdc++6 libtinfo6 libtirpc3 libuuid1 media-types netbase
  python3-distutils python3.11-minimal tzdata zlib1g
)

runtime_base() {
  local root=$work/runtime
  mkdir -p "$root" "$work/packages"
  (cd "$work/packages" && apt-get download -qq -o APT::Sandbox::User=root "${runtime_packages[@]}")
  for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$root"; done
  ln -s python3.11 "$root/usr/bin/python3"
  ln -s python3.11 "$root/usr/bin/python"
  cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
  echo 'root:x:0:0:root:/root:/sbin/nologin' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
}

# commit NAME ROOT: an image of one layer.
commit() {
  local container
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$2" / >/dev/null
  buildah config --env LANG=C.UTF-8 --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet --rm "$container" "$1" >/dev/null
}

if ! buildah inspect --type image localhost/runtime-base >/dev/null 2>&1; then
  runtime_base
  commit localhost/runtime-base "$work/runtime"
fi
if ! buildah inspect --type image localhost/build-base >/dev/null 2>&1; then
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip bookworm "$work/build" >/dev/null
  commit localhost/build-base "$work/build"
fi

buildah build --tag localhost/secrets-provider-aws "$@" \
  --build-arg BUILD_IMAGE=localhost/build-base --build-arg RUNTIME_IMAGE=localhost/runtime-base .

rm -rf "$target"
mkdir -p "$target"
container=$(buildah from --pull-never localhost/secrets-provider-aws)
cp -a "$(buildah mount "$container")/." "$target"
buildah rm "$container" >/dev/null
echo "$target: $(du -sm "$target" | cut -f1) MiB, $(tar -C "$target" -c . | gzip | wc -c | numfmt --to=iec-i)B packed"
