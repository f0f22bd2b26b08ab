internal import Glibc

/// Overwrites a value with zeros, also where the compiler sees that nobody reads it again.
///
/// Zero must be a legal value of the type, as it is of every structure of integers.
@inline(never)
public func secureWipe<Value: BitwiseCopyable>(_ value: inout Value) {
    unsafe withUnsafeMutableBytes(of: &value) { bytes in
        guard let address = bytes.baseAddress else { return }
        unsafe explicit_bzero(address, bytes.count)
    }
}

/// Overwrites bytes with zeros, also where the compiler sees that nobody reads them again.
@inline(never)
public func secureWipe(_ bytes: inout MutableSpan<UInt8>) {
    unsafe bytes.withUnsafeMutableBytes { bytes in
        guard let address = bytes.baseAddress else { return }
        unsafe explicit_bzero(address, bytes.count)
    }
}
