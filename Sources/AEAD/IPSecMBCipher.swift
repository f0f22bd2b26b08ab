#if arch(x86_64)
    internal import CIPSecMB
    internal import Glibc

    /// AES-GCM by Intel's ipsec-mb, with the widest instructions that the processor has.
    ///
    /// Its direct functions take one packet per call and keep no state between packets beside the expanded key.
    @safe public struct IPSecMBCipher: PacketCipher, ~Copyable, @unchecked Sendable {
        // Sendable is unchecked because of the pointers: this value owns all that they point to, and moves as a whole.
        public static let backend = CipherBackend.ipsecMB

        /// What is called by name.
        @safe private struct Library {
            let make: @convention(c) (UInt64) -> UnsafeMutablePointer<IMB_MGR>?
            let end: @convention(c) (UnsafeMutablePointer<IMB_MGR>?) -> Void
            let choose: @convention(c) (UnsafeMutablePointer<IMB_MGR>?, UnsafeMutablePointer<IMB_ARCH>?) -> Void
            let error: @convention(c) (UnsafeMutablePointer<IMB_MGR>?) -> Int32

            init() throws(CipherError) {
                var why: UnsafePointer<CChar>?
                guard let found = unsafe ipsecmb_load(&why), let make = unsafe found.pointee.make,
                    let end = unsafe found.pointee.end, let choose = unsafe found.pointee.choose,
                    let error = unsafe found.pointee.error
                else {
                    let reason = unsafe why.map { unsafe String(cString: $0) } ?? "not found"
                    throw .unavailable(.ipsecMB, reason: "the library cannot be loaded: \(reason)")
                }
                unsafe self.make = unsafe make
                unsafe self.end = unsafe end
                unsafe self.choose = unsafe choose
                unsafe self.error = unsafe error
            }
        }

        private let library: Library
        private let arena: ContextArena
        private let manager: UnsafeMutablePointer<IMB_MGR>
        private let expand: @convention(c) (UnsafeRawPointer?, UnsafeMutablePointer<gcm_key_data>?) -> Void
        private let encrypt: Direct
        private let decrypt: Direct
        private let macBegin: MACBegin
        private let macUpdate: MACUpdate
        private let macEnd: MACEnd
        /// The instructions that were chosen, such as `avx512`.
        public let architecture: String

        private typealias Key = UnsafePointer<gcm_key_data>
        private typealias State = UnsafeMutablePointer<gcm_context_data>
        private typealias Direct =
            @convention(c) (
                Key?, State?, UnsafeMutablePointer<UInt8>?, UnsafePointer<UInt8>?, UInt64, UnsafePointer<UInt8>?,
                UnsafePointer<UInt8>?, UInt64, UnsafeMutablePointer<UInt8>?, UInt64
            ) -> Void
        private typealias MACBegin = @convention(c) (Key?, State?, UnsafePointer<UInt8>?, UInt64) -> Void
        private typealias MACUpdate = @convention(c) (Key?, State?, UnsafePointer<UInt8>?, UInt64) -> Void
        private typealias MACEnd = @convention(c) (Key?, State?, UnsafeMutablePointer<UInt8>?, UInt64) -> Void

        public init(capacity: Int) throws(CipherError) {
            // 1. The library tests its own functions while it chooses them.
            let library = try Library()
            guard let manager = unsafe library.make(0) else {
                throw .unavailable(.ipsecMB, reason: "its manager could not be made")
            }
            var chosen = IMB_ARCH_NONE
            unsafe library.choose(manager, &chosen)
            let features = unsafe manager.pointee.features
            let problem: String? =
                if unsafe library.error(manager) != 0 {
                    "its start failed with error \(unsafe library.error(manager))"
                } else if features & UInt64(IMB_FEATURE_AESNI) == 0 {
                    "the processor has no AES instructions"
                } else if features & UInt64(1 << 20) != 0, features & UInt64(1 << 21) == 0 {
                    "its self test failed"
                } else {
                    nil
                }
            if let problem {
                unsafe library.end(manager)
                throw .unavailable(.ipsecMB, reason: problem)
            }

            // 2. The functions out of its table, once.
            guard let expand = unsafe manager.pointee.gcm128_pre, let encrypt = unsafe manager.pointee.gcm128_enc,
                let decrypt = unsafe manager.pointee.gcm128_dec, let begin = unsafe manager.pointee.gmac128_init,
                let update = unsafe manager.pointee.gmac128_update, let end = unsafe manager.pointee.gmac128_finalize
            else {
                unsafe library.end(manager)
                throw .unavailable(.ipsecMB, reason: "it has no AES-128-GCM")
            }
            do {
                arena = try ContextArena(
                    capacity: capacity, contextByteCount: MemoryLayout<gcm_key_data>.size)
            } catch {
                unsafe library.end(manager)
                throw error
            }
            self.library = library
            unsafe self.manager = unsafe manager
            unsafe self.expand = unsafe expand
            unsafe self.encrypt = unsafe encrypt
            unsafe self.decrypt = unsafe decrypt
            unsafe macBegin = unsafe begin
            unsafe macUpdate = unsafe update
            unsafe macEnd = unsafe end
            architecture =
                switch chosen {
                case IMB_ARCH_AVX512: "avx512"
                case IMB_ARCH_AVX2: "avx2"
                case IMB_ARCH_AVX: "avx"
                case IMB_ARCH_SSE: "sse"
                default: "other"
                }
        }

        deinit { unsafe library.end(manager) }

        public var capacity: Int { arena.capacity }

        public mutating func install(_ slot: Int, key: PacketKey, level: SecurityLevel) throws(CipherError) {
            arena.clear(slot)
            var bytes = (key.high.bigEndian, key.low.bigEndian)
            unsafe withUnsafeBytes(of: &bytes) { unsafe expand($0.baseAddress, self.key(slot)) }
            secureWipe(&bytes.0)
            secureWipe(&bytes.1)
            unsafe arena.head(slot).pointee = .init(level: level.rawValue, salt: key.salt)
        }

        public mutating func remove(_ slot: Int) { arena.clear(slot) }

        public func level(of slot: Int) -> SecurityLevel? { arena.level(of: slot) }

        public mutating func seal(
            _ slot: Int, spi: UInt32, sequence: UInt64, iv: UInt64, source: Span<UInt8>, from start: Int, count: Int,
            destination: inout MutableSpan<UInt8>, to target: Int
        ) -> Bool {
            precondition(fits(start, count, source.count) && fits(target, count &+ CipherSizes.tag, destination.count))
            let head = unsafe arena.head(slot).pointee
            let additional = arena.prepare(head, spi: spi, sequence: sequence, iv: iv)
            unsafe source.withUnsafeBufferPointer { source in
                unsafe destination.withUnsafeMutableBufferPointer { destination in
                    guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                    unsafe seal(
                        slot, head.level, scratch(ContextArena.Scratch.nonce),
                        scratch(ContextArena.Scratch.additional), additional, from + start, to + target, count)
                }
            }
            return true
        }

        public mutating func open(
            _ slot: Int, spi: UInt32, sequence: UInt64, iv: UInt64, source: Span<UInt8>, from start: Int, count: Int,
            destination: inout MutableSpan<UInt8>, to target: Int
        ) -> Bool {
            precondition(fits(start, count &+ CipherSizes.tag, source.count) && fits(target, count, destination.count))
            let head = unsafe arena.head(slot).pointee
            let additional = arena.prepare(head, spi: spi, sequence: sequence, iv: iv)
            return unsafe source.withUnsafeBufferPointer { source in
                unsafe destination.withUnsafeMutableBufferPointer { destination in
                    guard let from = source.baseAddress, let to = destination.baseAddress else { return false }
                    return unsafe open(
                        slot, head.level, scratch(ContextArena.Scratch.nonce),
                        scratch(ContextArena.Scratch.additional), additional, from + start, to + target, count)
                }
            }
        }

        public mutating func seal(
            _ slot: Int, nonce: Span<UInt8>, additional: Span<UInt8>, source: Span<UInt8>,
            destination: inout MutableSpan<UInt8>
        ) -> Bool {
            precondition(nonce.count == CipherSizes.nonce && destination.count >= source.count + CipherSizes.tag)
            let level = unsafe arena.head(slot).pointee.level
            unsafe nonce.withUnsafeBufferPointer { nonce in
                unsafe additional.withUnsafeBufferPointer { additional in
                    unsafe source.withUnsafeBufferPointer { source in
                        unsafe destination.withUnsafeMutableBufferPointer { destination in
                            guard let nonce = nonce.baseAddress, let to = destination.baseAddress else { return }
                            let spare = unsafe scratch(ContextArena.Scratch.additional)
                            unsafe seal(
                                slot, level, nonce, additional.baseAddress ?? UnsafePointer(spare), additional.count,
                                source.baseAddress ?? UnsafePointer(spare), to, source.count)
                        }
                    }
                }
            }
            return true
        }

        public mutating func open(
            _ slot: Int, nonce: Span<UInt8>, additional: Span<UInt8>, source: Span<UInt8>,
            destination: inout MutableSpan<UInt8>
        ) -> Bool {
            let count = source.count - CipherSizes.tag
            precondition(nonce.count == CipherSizes.nonce && count >= 0 && destination.count >= count)
            let level = unsafe arena.head(slot).pointee.level
            return unsafe nonce.withUnsafeBufferPointer { nonce in
                unsafe additional.withUnsafeBufferPointer { additional in
                    unsafe source.withUnsafeBufferPointer { source in
                        unsafe destination.withUnsafeMutableBufferPointer { destination in
                            guard let nonce = nonce.baseAddress, let from = source.baseAddress else { return false }
                            let spare = unsafe scratch(ContextArena.Scratch.additional)
                            return unsafe open(
                                slot, level, nonce, additional.baseAddress ?? UnsafePointer(spare), additional.count,
                                from, destination.baseAddress ?? spare, count)
                        }
                    }
                }
            }
        }

        // MARK: The kernel of both

        @inline(__always)
        private func seal(
            _ slot: Int, _ level: UInt8, _ nonce: UnsafePointer<UInt8>, _ additional: UnsafePointer<UInt8>,
            _ additionalCount: Int, _ source: UnsafePointer<UInt8>, _ destination: UnsafeMutablePointer<UInt8>,
            _ count: Int
        ) {
            precondition(level != 0, "no key in the cipher slot")
            let tag = unsafe destination + count
            if level == SecurityLevel.conf.rawValue {
                unsafe encrypt(
                    key(slot), state, destination, source, UInt64(count), nonce, additional, UInt64(additionalCount),
                    tag, UInt64(CipherSizes.tag))
            } else {
                unsafe memcpy(destination, source, count)
                unsafe mac(slot, nonce, additional, additionalCount, source, count, tag)
            }
        }

        @inline(__always)
        private func open(
            _ slot: Int, _ level: UInt8, _ nonce: UnsafePointer<UInt8>, _ additional: UnsafePointer<UInt8>,
            _ additionalCount: Int, _ source: UnsafePointer<UInt8>, _ destination: UnsafeMutablePointer<UInt8>,
            _ count: Int
        ) -> Bool {
            precondition(level != 0, "no key in the cipher slot")
            let tag = unsafe scratch(ContextArena.Scratch.tag)
            if level == SecurityLevel.conf.rawValue {
                unsafe decrypt(
                    key(slot), state, destination, source, UInt64(count), nonce, additional, UInt64(additionalCount),
                    tag, UInt64(CipherSizes.tag))
                return unsafe arena.tagMatches(source + count)
            }
            unsafe mac(slot, nonce, additional, additionalCount, source, count, tag)
            guard unsafe arena.tagMatches(source + count) else { return false }
            unsafe memcpy(destination, source, count)
            return true
        }

        @inline(__always)
        private func mac(
            _ slot: Int, _ nonce: UnsafePointer<UInt8>, _ additional: UnsafePointer<UInt8>, _ additionalCount: Int,
            _ source: UnsafePointer<UInt8>, _ count: Int, _ tag: UnsafeMutablePointer<UInt8>
        ) {
            unsafe macBegin(key(slot), state, nonce, UInt64(CipherSizes.nonce))
            unsafe macUpdate(key(slot), state, additional, UInt64(additionalCount))
            unsafe macUpdate(key(slot), state, source, UInt64(count))
            unsafe macEnd(key(slot), state, tag, UInt64(CipherSizes.tag))
        }

        @inline(__always)
        private func key(_ slot: Int) -> UnsafeMutablePointer<gcm_key_data> {
            unsafe arena.context(slot).assumingMemoryBound(to: gcm_key_data.self)
        }

        @inline(__always)
        private var state: State {
            unsafe (arena.memory + ContextArena.Scratch.context).assumingMemoryBound(to: gcm_context_data.self)
        }

        @inline(__always)
        private func scratch(_ offset: Int) -> UnsafeMutablePointer<UInt8> {
            unsafe (arena.memory + offset).assumingMemoryBound(to: UInt8.self)
        }
    }
#endif

/// Whether `count` bytes from `start` lie within `total`.
@inline(__always)
func fits(_ start: Int, _ count: Int, _ total: Int) -> Bool {
    start >= 0 && count >= 0 && count <= total && start <= total &- count
}
