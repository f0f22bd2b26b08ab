import Foundation

/// A kernel and an initramfs for a guest: Debian's cloud kernel out of its package (never installed), busybox, and
/// the machine's own iperf3 with its libraries.
///
/// `PATCHBAY_GUEST_CACHE` names a directory that keeps the package between runs; without it a temporary one serves.
struct GuestImage: Sendable {
    let kernel: URL
    let initramfs: URL

    /// In the order in which they must be loaded: `virtio` needs `virtio_ring`, all others need `virtio`.
    private static let modules = [
        "virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "failover",
        "net_failover", "virtio_net",
    ]

    static func make() async throws -> GuestImage {
        let files = FileManager.default
        let directory: URL
        if let named = ProcessInfo.processInfo.environment["PATCHBAY_GUEST_CACHE"] {
            directory = URL(fileURLWithPath: named, isDirectory: true)
        } else {
            directory = files.temporaryDirectory.appendingPathComponent("pbi-guest-cache", isDirectory: true)
        }
        try files.createDirectory(at: directory, withIntermediateDirectories: true)
        let package = try await kernelPackage()
        let tree = directory.appendingPathComponent(package, isDirectory: true)
        if !files.fileExists(atPath: tree.path) {
            try await unpack(package, into: tree, within: directory)
        }
        let release = package.dropFirst("linux-image-".count)
        let kernel = tree.appendingPathComponent("boot/vmlinuz-\(release)")
        guard files.fileExists(atPath: kernel.path) else {
            throw Command.Failed(description: "\(package) holds no kernel at \(kernel.path)")
        }
        return GuestImage(kernel: kernel, initramfs: try await pack(modulesOf: tree, within: directory))
    }

    /// The kernel package that Debian's cloud kernel now stands for.
    private static func kernelPackage() async throws -> String {
        let dependencies = try await Command(["apt-cache", "depends", "linux-image-cloud-amd64"]).succeed()
        let names = dependencies.output.split(whereSeparator: \.isWhitespace).filter { $0.hasPrefix("linux-image-6") }
        guard let name = names.first else {
            throw Command.Failed(description: "no kernel package in \(dependencies); run apt-get update")
        }
        return String(name)
    }

    private static func unpack(_ package: String, into tree: URL, within directory: URL) async throws {
        let files = FileManager.default
        let work = directory.appendingPathComponent(UUID().uuidString, isDirectory: true)
        try files.createDirectory(at: work, withIntermediateDirectories: true)
        defer { try? files.removeItem(at: work) }
        try await Command(["env", "-C", work.path, "apt-get", "download", package]).succeed(seconds: 120)
        guard let name = try files.contentsOfDirectory(atPath: work.path).first(where: { $0.hasSuffix(".deb") }) else {
            throw Command.Failed(description: "apt-get download \(package) brought no package")
        }
        let unpacked = work.appendingPathComponent("tree", isDirectory: true)
        let archive = work.appendingPathComponent(name)
        try await Command(["dpkg", "-x", archive.path, unpacked.path]).succeed(seconds: 60)
        try files.moveItem(at: unpacked, to: tree)
    }

    private static func pack(modulesOf tree: URL, within directory: URL) async throws -> URL {
        let files = FileManager.default
        let root = directory.appendingPathComponent("root-\(UUID().uuidString)", isDirectory: true)
        defer { try? files.removeItem(at: root) }
        for name in ["bin", "modules", "proc", "sys", "dev", "tmp"] {
            let folder = root.appendingPathComponent(name)
            try files.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        let busybox = try await path(of: "busybox")
        try files.copyItem(atPath: busybox, toPath: root.path + "/bin/busybox")
        try files.createSymbolicLink(atPath: root.path + "/bin/sh", withDestinationPath: "busybox")
        try await copyWithLibraries(try await path(of: "iperf3"), into: root)

        let wanted = Set(modules.map { "\($0).ko" })
        let library = tree.appendingPathComponent("lib/modules")
        var found: Set<String> = []
        for case let file as URL in files.enumerator(at: library, includingPropertiesForKeys: nil)
            ?? FileManager.DirectoryEnumerator()
        where wanted.contains(file.lastPathComponent) {
            try files.copyItem(atPath: file.path, toPath: root.path + "/modules/\(file.lastPathComponent)")
            found.insert(file.lastPathComponent)
        }
        guard found == wanted else {
            throw Command.Failed(description: "the kernel package lacks \(wanted.subtracting(found).sorted())")
        }
        try Data(Self.initScript.utf8).write(to: root.appendingPathComponent("init"))
        try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: root.path + "/init")

        // Written beside and renamed: a run at the same time never boots half an image.
        let image = directory.appendingPathComponent("initramfs.cpio")
        let script = "cd \"$0\" && find . | cpio --quiet -o -H newc >\"$0.cpio\" && mv \"$0.cpio\" \"$1\""
        try await Command(["sh", "-c", script, root.path, image.path]).succeed()
        return image
    }

    private static func copyWithLibraries(_ program: String, into root: URL) async throws {
        let files = FileManager.default
        let listing = try await Command(["ldd", program]).succeed()
        // A line is `libx.so => /path/libx.so (0x…)`, and for the loader `/path/ld.so (0x…)`.
        let libraries = listing.output.split(whereSeparator: \.isWhitespace).filter { $0.hasPrefix("/") }
        for file in [program] + libraries.map(String.init) {
            let target = root.path + (file == program ? "/bin/" + (file as NSString).lastPathComponent : file)
            let folder = (target as NSString).deletingLastPathComponent
            try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try await Command(["cp", "-L", file, target]).succeed()
        }
    }

    private static func path(of program: String) async throws -> String {
        let found = try await Command(["sh", "-c", "command -v \"$0\"", program]).run()
        guard found.succeeded else { throw Command.Failed(description: "\(program) is not installed") }
        return found.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The guest's first process: loads the modules and then answers commands on the serial line.
    /// A command is a line `TOKEN WORDS…`; the answer stands between `<TOKEN` and `>TOKEN STATUS`.
    private static var initScript: String {
        """
        #!/bin/sh
        export PATH=/bin:/usr/bin HOME=/tmp
        /bin/busybox --install -s /bin
        mount -t proc proc /proc
        mount -t sysfs sysfs /sys
        mount -t devtmpfs devtmpfs /dev
        mount -t tmpfs tmpfs /tmp
        exec </dev/ttyS0 >/dev/ttyS0 2>&1
        stty -echo -onlcr
        echo 1 >/proc/sys/kernel/printk
        for module in \(modules.joined(separator: " ")); do insmod /modules/$module.ko; done
        ip link set lo up
        echo
        echo "\(Guest.greeting)"
        while IFS= read -r line; do
            token=${line%% *}
            echo
            echo "<$token"
            ( eval "${line#* }" ) </dev/null 2>&1
            status=$?
            echo
            echo ">$token $status"
        done

        """
    }
}
