internal import CLibbpf
internal import CLinux
internal import Glibc
internal import LinuxKit

/// Programs at the ingress of devices, held there by links (tcx, Linux 6.6) that are pinned.
enum Attachment {
    /// BPF_TCX_INGRESS, which Debian 12's headers do not have yet.
    private static let tcxIngress = bpf_attach_type(rawValue: 46)

    /// Puts a program at the ingress of a device. A link that is pinned already gets the new program in one step;
    /// one whose device is gone is made anew.
    static func attach(
        _ program: Program, to device: UInt32, pin: String, in namespace: NetworkNamespace?
    ) throws(DataPathError) {
        let pinned = unsafe bpf_obj_get(pin)
        if pinned >= 0 {
            defer { _ = cl_close(pinned) }
            let result = bpf_link_update(pinned, program.descriptor, nil)
            if result == 0 { return }
            guard result == -ENOLINK else { throw .system(result, "exchanging the program of device \(device)") }
            _ = unsafe cl_unlink(pin)
        } else if pinned != -ENOENT {
            throw .system(pinned, "the pinned link \(pin)")
        }

        let descriptor = program.descriptor
        let link: Int32
        do {
            let create: @Sendable () -> Int32 = {
                bpf_link_create(descriptor, Int32(device), tcxIngress, nil)
            }
            link = try namespace?.perform(create) ?? create()
        } catch {
            throw DataPathError(.system, "attaching to device \(device): \(error)")
        }
        if link == -EINVAL {
            throw DataPathError(
                .unsupported, number: EINVAL, "attaching to device \(device): the kernel has no tcx; Linux 6.6 is needed")
        }
        if link == -ENODEV { throw DataPathError(.device, number: ENODEV, "there is no device \(device)") }
        if link < 0 { throw .system(link, "attaching to device \(device)") }
        defer { _ = cl_close(link) }
        let result = unsafe bpf_obj_pin(link, pin)
        if result < 0 { throw .system(result, "pinning the link of device \(device) as \(pin)") }
    }

    /// The names in a directory; empty when there is no such directory.
    static func names(in directory: String) -> [String] {
        guard let stream = unsafe opendir(directory) else { return [] }
        defer { unsafe _ = closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
