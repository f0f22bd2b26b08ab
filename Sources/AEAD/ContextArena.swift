internal import Glibc

/// Page-aligned, zeroed memory for the contexts of all slots, kept out of core dumps, with a head for scratch values.
///
/// The pages of slots that were never used are never touched, so capacity costs address space only. Each slot begins
/// with a ``SlotHead`` of 64 bytes, so that a backend's context behind it is aligned to a cache line.
@safe struct ContextArena: ~Copyable {
    /// What stands before a slot's context.
    struct SlotHead: BitwiseCopyable {
        /// The raw ``SecurityLevel``; 0 for an empty slot.
        var level: UInt8
        /// The first four bytes of every nonce, as a number.
        var salt: UInt32
    }

    /// The bytes of one nonce, of what is authenticated before the packet, and of a computed tag.
    struct Scratch {
        static let nonce = 0
        static let additional = 16
        static let tag = 48
        static let context = 64
        static let byteCount = 512
    }

    private static let slotHeadByteCount = 64

    let capacity: Int
    let slotByteCount: Int
    let memory: UnsafeMutableRawPointer
    private let byteCount: Int

    /// Makes empty slots with room for a context of `contextByteCount` each.
    init(capacity: Int, contextByteCount: Int) throws(CipherError) {
        precondition(capacity >= 0 && contextByteCount >= 0, "negative size")
        // A value with a deinit is filled at once: everything that may fail comes first.
        let slotByteCount = Self.slotHeadByteCount + (contextByteCount + 63) & ~63
        let (slots, overflow) = capacity.multipliedReportingOverflow(by: slotByteCount)
        guard !overflow, slots < Int.max - Scratch.byteCount else { throw .noMemory(.max) }
        let byteCount = slots + Scratch.byteCount
        guard
            let memory = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe memory != MAP_FAILED
        else { throw .noMemory(byteCount) }
        // A kernel without it writes keys to a core dump that a limit forbids anyway: nothing to do about it here.
        _ = unsafe madvise(memory, byteCount, MADV_DONTDUMP)
        self.capacity = capacity
        self.slotByteCount = slotByteCount
        self.byteCount = byteCount
        unsafe self.memory = unsafe memory
    }

    deinit {
        for slot in 0..<capacity where unsafe head(slot).pointee.level != 0 {
            unsafe explicit_bzero(memory + offset(slot), slotByteCount)
        }
        unsafe explicit_bzero(memory, Scratch.byteCount)
        _ = unsafe munmap(memory, byteCount)
    }

    @inline(__always)
    private func offset(_ slot: Int) -> Int {
        precondition(slot >= 0 && slot < capacity, "no such cipher slot")
        return Scratch.byteCount &+ slot &* slotByteCount
    }

    /// The slot's head.
    @inline(__always)
    func head(_ slot: Int) -> UnsafeMutablePointer<SlotHead> {
        unsafe (memory + offset(slot)).assumingMemoryBound(to: SlotHead.self)
    }

    /// The slot's context.
    @inline(__always)
    func context(_ slot: Int) -> UnsafeMutableRawPointer {
        unsafe memory + (offset(slot) &+ Self.slotHeadByteCount)
    }

    /// Wipes a slot.
    func clear(_ slot: Int) {
        unsafe explicit_bzero(memory + offset(slot), slotByteCount)
    }

    /// The level of a slot that has one.
    func level(of slot: Int) -> SecurityLevel? { SecurityLevel(rawValue: unsafe head(slot).pointee.level) }

    /// Writes nonce and additional data of an ESP packet into the scratch; returns how long the latter are.
    @inline(__always)
    func prepare(_ head: SlotHead, spi: UInt32, sequence: UInt64, iv: UInt64) -> Int {
        unsafe memory.storeBytes(of: head.salt.bigEndian, toByteOffset: Scratch.nonce, as: UInt32.self)
        unsafe memory.storeBytes(of: iv.bigEndian, toByteOffset: Scratch.nonce + CipherSizes.salt, as: UInt64.self)
        unsafe memory.storeBytes(of: spi.bigEndian, toByteOffset: Scratch.additional, as: UInt32.self)
        unsafe memory.storeBytes(of: sequence.bigEndian, toByteOffset: Scratch.additional + 4, as: UInt64.self)
        unsafe memory.storeBytes(
            of: iv.bigEndian, toByteOffset: Scratch.additional + CipherSizes.header, as: UInt64.self)
        return head.level == SecurityLevel.conf.rawValue ? CipherSizes.header : CipherSizes.header + CipherSizes.iv
    }

    /// Compares a computed tag in the scratch with one received, in a time that does not depend on either.
    @inline(__always)
    func tagMatches(_ received: UnsafeRawPointer) -> Bool {
        let computed = unsafe UnsafeRawPointer(memory + Scratch.tag)
        let high = unsafe computed.load(as: UInt64.self) ^ received.loadUnaligned(as: UInt64.self)
        let low =
            unsafe computed.load(fromByteOffset: 8, as: UInt64.self)
            ^ received.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        return high | low == 0
    }
}
