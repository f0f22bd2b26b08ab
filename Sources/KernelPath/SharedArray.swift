internal import CKernelPath
internal import CLinux
internal import Glibc

/// A BPF array of the kernel that is in this process's memory as well.
@safe final class SharedArray<Element: BitwiseCopyable>: @unchecked Sendable {
    // What is in it is written under the lock of the rules, and read by programs as words (``publish(_:at:)``).
    private let base: UnsafeMutableRawPointer
    private let length: Int
    /// How many elements there are.
    let count: Int

    /// Maps the array of a descriptor, which is not needed any more then. Elements are multiples of eight bytes.
    init(_ descriptor: Int32, count: UInt32, _ name: String) throws(DataPathError) {
        precondition(MemoryLayout<Element>.stride.isMultiple(of: 8))
        self.count = Int(count)
        let page = Int(getpagesize())
        length = (self.count * MemoryLayout<Element>.stride + page - 1) / page * page
        let mapped = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
            throw .system(-errno, "the map of \(name) in memory")
        }
        unsafe base = mapped
    }

    deinit { unsafe _ = munmap(base, length) }

    subscript(index: Int) -> Element {
        get {
            precondition(index >= 0 && index < count)
            return unsafe base.load(fromByteOffset: index * MemoryLayout<Element>.stride, as: Element.self)
        }
        set {
            precondition(index >= 0 && index < count)
            unsafe base.storeBytes(of: newValue, toByteOffset: index * MemoryLayout<Element>.stride, as: Element.self)
        }
    }

    /// Sets the first word of an element in one step; what was written to shared arrays before is seen with it.
    func publish(_ word: UInt64, at index: Int) {
        precondition(index >= 0 && index < count)
        let place = unsafe base.advanced(by: index * MemoryLayout<Element>.stride)
        unsafe kp_publish(place.assumingMemoryBound(to: UInt64.self), word)
    }

    /// The first word of an element.
    func published(at index: Int) -> UInt64 {
        precondition(index >= 0 && index < count)
        let place = unsafe base.advanced(by: index * MemoryLayout<Element>.stride)
        return unsafe kp_published(place.assumingMemoryBound(to: UInt64.self))
    }
}
