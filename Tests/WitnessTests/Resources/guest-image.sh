#!/bin/sh
# Makes an initramfs for a guest whose kernel speaks ESP: busybox, iproute2, perl, and the modules of Debian's cloud
# kernel, whose package is unpacked and never installed. Prints the kernel's path.
# Words: directory that keeps the package, file to write, directory with the guest's own files.
set -eu
cache=$1 image=$2 files=$3

package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-6.*\)/\1/p' | head -n 1)
[ -n "$package" ] || { echo "no kernel package is known: run apt-get update" >&2; exit 1; }
mkdir -p "$cache"
if [ ! -d "$cache/$package" ]; then
    work=$(mktemp -d "$cache/work-XXXXXX")
    (cd "$work" && apt-get download "$package" >&2 && dpkg -x ./*.deb tree && mv tree "$cache/$package")
    rm -rf "$work"
fi
tree=$cache/$package

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/modules" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/run"
cp "$(command -v busybox)" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
for program in ip perl; do
    path=$(command -v $program)
    cp -L "$path" "$root/bin/$program"
    ldd "$path" | tr -s '[:space:]' '\n' | grep '^/' | while read -r library; do
        mkdir -p "$root/$(dirname "$library")"
        cp -L "$library" "$root/$library"
    done
done
for module in strict warnings; do
    path=$(perl "-M$module" -e 'print $INC{"$ARGV[0].pm"}' $module)
    mkdir -p "$root/$(dirname "$path")"
    cp "$path" "$root/$path"
done
# In the order in which they are loaded. ESP's IVs start from a random number, so it wants drbg, and that SHA-512.
count=100
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover net_failover \
    virtio_net gf128mul ghash-generic ctr gcm sha512_generic drbg seqiv xfrm_algo xfrm_user esp4 esp6; do
    file=$(find "$tree/lib/modules" -name "$module.ko")
    [ -n "$file" ] || { echo "$package has no module $module" >&2; exit 1; }
    cp "$file" "$root/modules/$count-$module.ko"
    count=$((count + 1))
done
cp "$files"/* "$root/"
chmod 755 "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc) >"$image"
echo "$tree/boot/vmlinuz-${package#linux-image-}"
