internal import CLibbpf
internal import CLinux
internal import Glibc
internal import LinuxKit

/// A program at the ingress of a device, or before the queues of one, and the name under which that is pinned.
///
/// With tcx (Linux 6.6) a pinned link, `link_ROLE_DEVICE`, holds the program there. Older kernels have a classic
/// filter, which stays by itself; the pinned program `filter_ROLE_DEVICE` remembers it. Either way an exchange of
/// the program is one step.
struct Attachment: Hashable {
    enum Role: String {
        case port, underlay, vxlan, engine, shaper
        /// At the device's egress.
        case queue
    }

    let role: Role
    /// The device's index.
    let device: UInt32
    /// Where it is pinned.
    let directory: String
    /// Where the device is; nil: the calling thread's own namespace.
    let namespace: NetworkNamespace?

    private var linkPin: String { "\(directory)/link_\(role.rawValue)_\(device)" }
    private var filterPin: String { "\(directory)/filter_\(role.rawValue)_\(device)" }

    static func == (a: Self, b: Self) -> Bool { a.role == b.role && a.device == b.device }
    func hash(into hasher: inout Hasher) { hasher.combine(device) }

    /// BPF_TCX_INGRESS or BPF_TCX_EGRESS, which Debian 12's headers do not have yet.
    private var point: bpf_attach_type { bpf_attach_type(rawValue: role == .queue ? 47 : 46) }

    /// What is pinned in a directory.
    static func all(in directory: String, namespace: NetworkNamespace?) -> Set<Attachment> {
        var found: Set<Attachment> = []
        for name in names(in: directory) {
            let parts = name.split(separator: "_")
            guard parts.count == 3, parts[0] == "link" || parts[0] == "filter",
                let role = Role(rawValue: "\(parts[1])"),
                let device = UInt32(parts[2])
            else { continue }
            found.insert(Attachment(role: role, device: device, directory: directory, namespace: namespace))
        }
        return found
    }

    // MARK: Attaching

    /// Puts a program at the device. One that is there already is exchanged in one step; a link whose device is gone is
    /// made anew.
    func attach(_ program: Program, withTCX: Bool) throws(DataPathError) {
        if withTCX {
            if try exchangeLink(program) { return }
            if try makeLink(program) {
                detachFilter()
                return
            }
        }
        try attachFilter(program)
    }

    private func exchangeLink(_ program: Program) throws(DataPathError) -> Bool {
        let pinned = unsafe bpf_obj_get(linkPin)
        if pinned == -ENOENT { return false }
        if pinned < 0 { throw .system(pinned, "the pinned link \(linkPin)") }
        defer { _ = cl_close(pinned) }
        let result = bpf_link_update(pinned, program.descriptor, nil)
        if result == 0 { return true }
        guard result == -ENOLINK else { throw .system(result, "exchanging the program of device \(device)") }
        _ = unsafe cl_unlink(linkPin)
        return false
    }

    /// Returns false when the kernel has no tcx.
    private func makeLink(_ program: Program) throws(DataPathError) -> Bool {
        let (descriptor, device, point) = (program.descriptor, device, point)
        let link = try inside { bpf_link_create(descriptor, Int32(device), point, nil) }
        if link == -EINVAL { return false }
        if link == -ENODEV { throw DataPathError(.device, number: ENODEV, "there is no device \(device)") }
        if link < 0 { throw .system(link, "attaching to device \(device)") }
        defer { _ = cl_close(link) }
        let result = unsafe bpf_obj_pin(link, linkPin)
        if result < 0 { throw .system(result, "pinning the link of device \(device) as \(linkPin)") }
        return true
    }

    private func attachFilter(_ program: Program) throws(DataPathError) {
        let (descriptor, hook) = (program.descriptor, hook)
        let result = try inside {
            var hook = hook
            let made = unsafe bpf_tc_hook_create(&hook)
            if made < 0, made != -EEXIST { return made }
            var options = Self.filter
            options.prog_fd = descriptor
            options.flags = BPF_TC_F_REPLACE.rawValue
            return unsafe bpf_tc_attach(&hook, &options)
        }
        if result == -ENODEV { throw DataPathError(.device, number: ENODEV, "there is no device \(device)") }
        if result < 0 {
            throw .system(
                result, "attaching to device \(device) (tcx of Linux 6.6, or the kernel's cls_bpf, is needed)")
        }
        _ = unsafe cl_unlink(filterPin)
        let pinned = unsafe bpf_obj_pin(program.descriptor, filterPin)
        if pinned < 0 { throw .system(pinned, "pinning the program of device \(device) as \(filterPin)") }
    }

    // MARK: Detaching

    /// Takes the program away; a device that is gone is fine.
    func detach() {
        _ = unsafe cl_unlink(linkPin)
        detachFilter()
    }

    private func detachFilter() {
        let pinned = unsafe bpf_obj_get(filterPin)
        guard pinned >= 0 else { return }
        _ = cl_close(pinned)
        let hook = hook
        // Fails when the device is gone, and its filter with it.
        _ = try? inside {
            var hook = hook
            var options = Self.filter
            return unsafe bpf_tc_detach(&hook, &options)
        }
        _ = unsafe cl_unlink(filterPin)
    }

    private var hook: bpf_tc_hook {
        var hook = bpf_tc_hook()
        // Without the padding behind the last field, which libbpf would want to be zero.
        hook.sz = 20
        hook.ifindex = Int32(device)
        hook.attach_point = role == .queue ? BPF_TC_EGRESS : BPF_TC_INGRESS
        return hook
    }

    /// Our filter is the first of its device.
    private static var filter: bpf_tc_opts {
        var options = bpf_tc_opts()
        options.sz = 28
        options.handle = 1
        options.priority = 1
        return options
    }

    private func inside(_ body: @escaping @Sendable () -> Int32) throws(DataPathError) -> Int32 {
        do {
            return try namespace?.perform(body) ?? body()
        } catch {
            throw DataPathError(.system, "attaching to device \(device): \(error)")
        }
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
