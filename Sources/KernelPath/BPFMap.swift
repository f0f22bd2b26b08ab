internal import CLibbpf
internal import CLinux
internal import Glibc
internal import LinuxKit

/// A BPF map with keys and values of fixed layout. The descriptor is closed when its last holder lets go of it.
final class BPFMap<Key: BitwiseCopyable, Value: BitwiseCopyable>: Sendable {
    let descriptor: Int32
    let name: String

    /// Takes over a descriptor.
    init(_ descriptor: Int32, _ name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    deinit { _ = cl_close(descriptor) }

    /// The value of a key; nil when there is none.
    func lookup(_ key: Key, empty: Value) -> Value? {
        var key = key
        var value = empty
        return unsafe bpf_map_lookup_elem(descriptor, &key, &value) == 0 ? value : nil
    }

    /// Sets the value of a key.
    func update(_ key: Key, _ value: Value, limit: UInt32? = nil) throws(DataPathError) {
        var key = key
        var value = value
        try check(unsafe bpf_map_update_elem(descriptor, &key, &value, 0), limit)
    }

    /// Removes a key and returns its last value; nil when there was none.
    func remove(_ key: Key, empty: Value) -> Value? {
        var key = key
        var value = empty
        return unsafe bpf_map_lookup_and_delete_elem(descriptor, &key, &value) == 0 ? value : nil
    }

    /// Removes a key from a map that cannot return its value at that. Returns whether it was there.
    func remove(_ key: Key) -> Bool {
        var key = key
        return unsafe bpf_map_delete_elem(descriptor, &key) == 0
    }

    /// Sets many values at once; on an error some may be set.
    func update(_ keys: [Key], _ values: [Value], limit: UInt32) throws(DataPathError) {
        precondition(keys.count == values.count)
        var start = 0
        while start < keys.count {
            let end = min(start + 4096, keys.count)
            var count = UInt32(end - start)
            var options = bpf_map_batch_opts()
            options.sz = MemoryLayout<bpf_map_batch_opts>.size
            let keyPart = Array(keys[start..<end])
            let valuePart = Array(values[start..<end])
            let result = unsafe bpf_map_update_batch(descriptor, keyPart, valuePart, &count, &options)
            try check(result, limit)
            start = end
        }
    }

    /// All entries at about one moment: those that come or go meanwhile may or may not be there.
    func entries(emptyKey: Key, emptyValue: Value) throws(DataPathError) -> [(key: Key, value: Value)] {
        var found: [(key: Key, value: Value)] = []
        // A bucket is never split, so a batch has to hold the fullest one; ENOSPC asks for a larger batch.
        var batch = 4096
        var token: UInt64 = 0
        var next: UInt64 = 0
        var isFirst = true
        while true {
            var keys = [Key](repeating: emptyKey, count: batch)
            var values = [Value](repeating: emptyValue, count: batch)
            var count = UInt32(batch)
            var options = bpf_map_batch_opts()
            options.sz = MemoryLayout<bpf_map_batch_opts>.size
            let result: Int32
            if isFirst {
                result = unsafe bpf_map_lookup_batch(descriptor, nil, &next, &keys, &values, &count, &options)
            } else {
                result = unsafe bpf_map_lookup_batch(descriptor, &token, &next, &keys, &values, &count, &options)
            }
            if result == -ENOSPC {
                batch *= 4
                continue
            }
            if result != 0, result != -ENOENT { try check(result, nil) }
            found += zip(keys, values).prefix(Int(count)).map { (key: $0, value: $1) }
            if result == -ENOENT { return found }
            token = next
            isFirst = false
        }
    }

    private func check(_ result: Int32, _ limit: UInt32?) throws(DataPathError) {
        guard result < 0 else { return }
        if result == -E2BIG || result == -ENOSPC {
            let most = limit.map { "its limit of \($0) entries" } ?? "its limit"
            throw DataPathError(
                .full, number: -result,
                "the map of \(name) is full, at \(most); unplug some, or start with a larger one")
        }
        throw .system(result, "the map of \(name)")
    }
}

extension DataPathError {
    /// An error of a call that returns a negative error number.
    static func system(_ result: Int32, _ context: String) -> DataPathError {
        let text = unsafe String(cString: strerror(-result))
        let code: Code = result == -EPERM || result == -EACCES ? .forbidden : .system
        let remedy = code == .forbidden ? (Capabilities.missing().map { " (\($0))" } ?? "") : ""
        return DataPathError(code, number: -result, "\(context): \(text)\(remedy)")
    }
}
