internal import CKernelPath
internal import CLibbpf
internal import CLinux
internal import Glibc

/// The maps of the data path, open.
struct DataPathMaps: Sendable {
    let config: BPFMap<UInt32, kp_config>
    let ports: BPFMap<UInt32, kp_port>
    let wires: BPFMap<kp_wire_key, kp_wire>
    let peers: BPFMap<UInt32, kp_peer>
    let receive: BPFMap<kp_receive_key, kp_receive>
    /// What wires had counted when they were taken out, by their ids.
    let ended: BPFMap<UInt64, kp_ended>
    let denied: BPFMap<kp_wire_key, kp_denied>
    /// The numbers of addresses outside, by the device of the border and the address.
    let outside: BPFMap<kp_wire_key, UInt32>
    /// The borders that speak for addresses outside, by the device of the port that has a wire with one.
    let borders: BPFMap<kp_wire_key, kp_address>
    let outsideDenied: BPFMap<kp_outside_key, kp_denied>
    let drops: BPFMap<UInt32, UInt64>
    let punts: Int32
    let pairs: SharedArray<kp_pair>
    let rules: SharedArray<kp_flow_rules>
    let segments: SharedArray<kp_segment>
    let pairNumbers: BPFMap<kp_ends, UInt32>
    let flows: BPFMap<kp_flow_key, kp_flow>
    let ruleCounts: RuleCounts
    let classes: BPFMap<UInt32, kp_class>
    let eventBudgets: BPFMap<UInt32, kp_event_budget>
    let events: Int32
    let traces: SharedArray<kp_trace>
    let traceSteps: SharedArray<kp_step>
    /// What the maps really hold at most; those that were pinned keep theirs.
    let maxWires: UInt32
}

extension DataPathMaps {
    /// Events that the kernel could not tell, over all processors.
    var lostEvents: UInt64 {
        var key: UInt32 = 0
        var budgets = [kp_event_budget](repeating: kp_event_budget(), count: max(1, Int(libbpf_num_possible_cpus())))
        guard unsafe bpf_map_lookup_elem(eventBudgets.descriptor, &key, &budgets) == 0 else { return 0 }
        return budgets.reduce(0) { $0 &+ $1.lost }
    }
}

/// A program in the kernel, by its descriptor.
final class Program: Sendable {
    let descriptor: Int32
    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { _ = cl_close(descriptor) }
}

/// The object file in the kernel: its programs loaded, its maps made, or taken from where they are pinned.
struct LoadedObject {
    let maps: DataPathMaps
    let port: Program
    let underlay: Program
    let vxlan: Program
    let engine: Program
    let shaper: ShaperPrograms
    let wirePair: Program
    let wireAccount: Program

    static let mapNames = [
        "config", "ports", "wires", "peers", "receive", "ended", "denied", "outside", "outside_denied", "borders",
        "drops",
        "punts", "pairs", "rules", "segments", "pair_numbers", "flows", "rule_counts", "rule_numbers", "classes",
        "told",
        "event_budgets", "events", "traces", "trace_steps", "trace_notes",
    ]
    static let programNames = [
        "port_ingress", "shaper_entry", "shaper_egress", "underlay_ingress", "vxlan_ingress", "engine_ingress",
        "wire_pair", "wire_account",
    ]

    /// Loads the programs; pins the maps in the directory, or uses those that are pinned there.
    init(_ configuration: DataPathConfiguration) throws(DataPathError) {
        let pinDirectory = configuration.pinDirectory
        // libbpf would write to standard error by itself; what it has to say is in the verifier's log.
        unsafe _ = libbpf_set_print(nil)
        let opened = unsafe dataPathObject.withUnsafeBytes { bytes in
            unsafe bpf_object__open_mem(bytes.baseAddress, dataPathObjectByteCount, nil)
        }
        guard let object = unsafe opened else { throw .system(-errno, "the embedded BPF object cannot be opened") }
        defer { unsafe bpf_object__close(object) }

        var pinned: Set<String> = []
        for name in Self.mapNames {
            guard let map = unsafe bpf_object__find_map_by_name(object, name) else {
                throw DataPathError(.system, "the embedded BPF object has no map \(name)")
            }
            if let most = Self.capacity(name, configuration) { unsafe bpf_map__set_max_entries(map, most) }
            if try unsafe Self.reuse(map, name, pinDirectory) { pinned.insert(name) }
        }
        try unsafe Self.load(object)

        func open(_ name: String) throws(DataPathError) -> Int32 {
            let map = unsafe bpf_object__find_map_by_name(object, name)
            if !pinned.contains(name) {
                let result = unsafe bpf_map__pin(map, "\(pinDirectory)/map_\(name)")
                if result < 0 { throw .system(result, "pinning the map of \(name) in \(pinDirectory)") }
            }
            let number = unsafe cl_duplicate(bpf_map__fd(map))
            if number < 0 { throw .system(number, "the map of \(name)") }
            return number
        }
        func program(_ name: String) throws(DataPathError) -> Program {
            let number = unsafe cl_duplicate(bpf_program__fd(bpf_object__find_program_by_name(object, name)))
            if number < 0 { throw .system(number, "the program \(name)") }
            return Program(number)
        }
        func capacity(_ name: String) -> UInt32 {
            unsafe bpf_map__max_entries(bpf_object__find_map_by_name(object, name))
        }
        func shared<Element: BitwiseCopyable>(
            _ name: String, _ title: String, _: Element.Type
        ) throws(DataPathError) -> SharedArray<Element> {
            let descriptor = try open(name)
            defer { _ = cl_close(descriptor) }
            return try SharedArray(descriptor, count: capacity(name), title)
        }
        maps = DataPathMaps(
            config: BPFMap(try open("config"), "the configuration"), ports: BPFMap(try open("ports"), "ports"),
            wires: BPFMap(try open("wires"), "wires"), peers: BPFMap(try open("peers"), "leaves"),
            receive: BPFMap(try open("receive"), "labels"),
            ended: BPFMap(try open("ended"), "wires that have ended"), denied: BPFMap(try open("denied"), "refusals"),
            outside: BPFMap(try open("outside"), "addresses outside"),
            borders: BPFMap(try open("borders"), "borders of addresses outside"),
            outsideDenied: BPFMap(try open("outside_denied"), "refusals of addresses outside"),
            drops: BPFMap(try open("drops"), "drops"), punts: try open("punts"),
            pairs: try shared("pairs", "pairs", kp_pair.self),
            rules: try shared("rules", "flow rules", kp_flow_rules.self),
            segments: try shared("segments", "segments", kp_segment.self),
            pairNumbers: BPFMap(try open("pair_numbers"), "pairs' numbers"),
            flows: BPFMap(try open("flows"), "flows"),
            ruleCounts: RuleCounts(
                try shared("rule_counts", "rule counters", kp_rule_count.self),
                numbers: try shared("rule_numbers", "rule numbers", UInt64.self)),
            classes: BPFMap(try open("classes"), "classes"),
            eventBudgets: BPFMap(try open("event_budgets"), "event budgets"),
            events: try open("events"), traces: try shared("traces", "traces", kp_trace.self),
            traceSteps: try shared("trace_steps", "steps of traces", kp_step.self), maxWires: capacity("wires"))
        port = try program("port_ingress")
        underlay = try program("underlay_ingress")
        vxlan = try program("vxlan_ingress")
        engine = try program("engine_ingress")
        shaper = ShaperPrograms(entry: try program("shaper_entry"), exit: try program("shaper_egress"))
        wirePair = try program("wire_pair")
        wireAccount = try program("wire_account")
    }

    private static func capacity(_ map: String, _ configuration: DataPathConfiguration) -> UInt32? {
        switch map {
        case "wires", "receive": configuration.maxWires
        case "pairs", "pair_numbers": max(2, configuration.maxPairs)
        case "rules": min(65_536, max(2, configuration.maxFlowRules))
        case "segments": max(1, configuration.maxSegments)
        case "flows": max(1, configuration.maxFlows)
        case "rule_counts": RuleCounts.elementCount(rules: max(1, configuration.maxCountedRules))
        case "rule_numbers": RuleCounts.elementCount(rules: max(1, configuration.maxCountedRules)) / RuleCounts.rowCount
        default: nil
        }
    }

    /// Uses the pinned map of a name if there is one and its layout is ours.
    @unsafe private static func reuse(
        _ map: OpaquePointer, _ name: String, _ directory: String
    ) throws(DataPathError) -> Bool {
        let number = unsafe bpf_obj_get("\(directory)/map_\(name)")
        if number == -ENOENT { return false }
        if number < 0 { throw .system(number, "the pinned map of \(name) in \(directory)") }
        defer { _ = cl_close(number) }
        var info = bpf_map_info()
        var length = UInt32(MemoryLayout<bpf_map_info>.size)
        let result = unsafe bpf_obj_get_info_by_fd(number, &info, &length)
        if result < 0 { throw .system(result, "the pinned map of \(name) in \(directory)") }
        let fits =
            unsafe info.type == bpf_map__type(map).rawValue && info.key_size == bpf_map__key_size(map)
            && info.value_size == bpf_map__value_size(map) && info.map_flags == bpf_map__map_flags(map)
        var layout = UInt32(KP_LAYOUT)
        if fits, name == "config" {
            var key: UInt32 = 0
            var value = kp_config()
            if unsafe bpf_map_lookup_elem(number, &key, &value) == 0, value.layout != 0 { layout = value.layout }
        }
        guard fits, layout == KP_LAYOUT else {
            throw DataPathError(
                .layout,
                """
                the map of \(name) pinned in \(directory) is of another version of Patchbay; stop the leaf, remove the \
                pins (DataPath.removePins, which cuts every wire of this host) and start again
                """)
        }
        let used = unsafe bpf_map__reuse_fd(map, number)
        if used < 0 { throw .system(used, "the pinned map of \(name) in \(directory)") }
        return true
    }

    /// Loads the object; the verifier's last words are part of an error.
    @unsafe private static func load(_ object: OpaquePointer) throws(DataPathError) {
        let size = 1 << 18
        let names = programNames
        var logs: [UnsafeMutablePointer<CChar>] = unsafe []
        defer { unsafe logs.forEach { unsafe $0.deallocate() } }
        for name in names {
            let log = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            unsafe log.initialize(repeating: 0, count: size)
            unsafe logs.append(log)
            let program = unsafe bpf_object__find_program_by_name(object, name)
            unsafe _ = bpf_program__set_log_buf(program, log, size)
        }
        let result = unsafe bpf_object__load(object)
        guard result < 0 else { return }
        var said = ""
        for index in 0..<names.count {
            let name = names[index]
            let text = unsafe String(cString: logs[index])
            guard !text.isEmpty, !text.hasPrefix("processed") else { continue }
            said += "\n\(name): " + text.split(separator: "\n").suffix(12).joined(separator: "\n")
        }
        throw .system(result, "the kernel (5.15 or newer is needed, 6.6 for tcx) refuses the BPF programs\(said)")
    }
}
