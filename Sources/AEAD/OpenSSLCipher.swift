internal import COpenSSL
internal import Glibc

/// AES-GCM by OpenSSL's EVP interface, on any processor, with a context per slot that is set anew by the nonce alone.
///
/// OpenSSL allocates a context when a key is installed, never for a packet.
@safe public struct OpenSSLCipher: PacketCipher, ~Copyable, @unchecked Sendable {
    // Sendable is unchecked because of the pointers: this value owns all that they point to, and moves as a whole.
    public static let backend = CipherBackend.openSSL

    private let arena: ContextArena
    private let algorithm: OpaquePointer

    public init(capacity: Int) throws(CipherError) {
        guard let algorithm = unsafe EVP_CIPHER_fetch(nil, "AES-128-GCM", nil) else {
            throw .unavailable(.openSSL, reason: "it has no AES-128-GCM")
        }
        do {
            arena = try ContextArena(capacity: capacity, contextByteCount: unsafe MemoryLayout<OpaquePointer?>.size)
        } catch {
            unsafe EVP_CIPHER_free(algorithm)
            throw error
        }
        unsafe self.algorithm = unsafe algorithm
    }

    deinit {
        for slot in 0..<arena.capacity { unsafe EVP_CIPHER_CTX_free(context(slot)) }
        unsafe EVP_CIPHER_free(algorithm)
    }

    public var capacity: Int { arena.capacity }

    public mutating func install(_ slot: Int, key: PacketKey, level: SecurityLevel) throws(CipherError) {
        remove(slot)
        guard let context = unsafe EVP_CIPHER_CTX_new() else { throw .noContext(.openSSL) }
        var bytes = (key.high.bigEndian, key.low.bigEndian)
        let expanded = unsafe withUnsafeBytes(of: &bytes) { bytes in
            unsafe EVP_EncryptInit_ex(
                context, algorithm, nil, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), nil)
        }
        secureWipe(&bytes.0)
        secureWipe(&bytes.1)
        guard expanded == 1 else {
            unsafe EVP_CIPHER_CTX_free(context)
            throw .noContext(.openSSL)
        }
        unsafe arena.context(slot).storeBytes(of: context, as: OpaquePointer?.self)
        unsafe arena.head(slot).pointee = .init(level: level.rawValue, salt: key.salt)
    }

    public mutating func remove(_ slot: Int) {
        // Frees and wipes; a null pointer is nothing to it.
        unsafe EVP_CIPHER_CTX_free(context(slot))
        arena.clear(slot)
    }

    public func level(of slot: Int) -> SecurityLevel? { arena.level(of: slot) }

    public mutating func seal(
        _ slot: Int, spi: UInt32, sequence: UInt64, iv: UInt64, source: Span<UInt8>, from start: Int, count: Int,
        destination: inout MutableSpan<UInt8>, to target: Int
    ) -> Bool {
        precondition(fits(start, count, source.count) && fits(target, count &+ CipherSizes.tag, destination.count))
        let head = unsafe arena.head(slot).pointee
        let additional = arena.prepare(head, spi: spi, sequence: sequence, iv: iv)
        return unsafe source.withUnsafeBufferPointer { source in
            unsafe destination.withUnsafeMutableBufferPointer { destination in
                guard let from = source.baseAddress, let to = destination.baseAddress else { return false }
                return unsafe seal(
                    slot, head.level, scratch(ContextArena.Scratch.nonce), scratch(ContextArena.Scratch.additional),
                    additional, from + start, to + target, count)
            }
        }
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
                    slot, head.level, scratch(ContextArena.Scratch.nonce), scratch(ContextArena.Scratch.additional),
                    additional, from + start, to + target, count)
            }
        }
    }

    public mutating func seal(
        _ slot: Int, nonce: Span<UInt8>, additional: Span<UInt8>, source: Span<UInt8>,
        destination: inout MutableSpan<UInt8>
    ) -> Bool {
        precondition(nonce.count == CipherSizes.nonce && destination.count >= source.count + CipherSizes.tag)
        let level = unsafe arena.head(slot).pointee.level
        return unsafe nonce.withUnsafeBufferPointer { nonce in
            unsafe additional.withUnsafeBufferPointer { additional in
                unsafe source.withUnsafeBufferPointer { source in
                    unsafe destination.withUnsafeMutableBufferPointer { destination in
                        guard let nonce = nonce.baseAddress, let to = destination.baseAddress else { return false }
                        let spare = unsafe scratch(ContextArena.Scratch.additional)
                        return unsafe seal(
                            slot, level, nonce, additional.baseAddress ?? UnsafePointer(spare), additional.count,
                            source.baseAddress ?? UnsafePointer(spare), to, source.count)
                    }
                }
            }
        }
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
                            slot, level, nonce, additional.baseAddress ?? UnsafePointer(spare), additional.count, from,
                            destination.baseAddress ?? spare, count)
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
    ) -> Bool {
        precondition(level != 0, "no key in the cipher slot")
        let context = unsafe context(slot)
        var written: Int32 = 0
        guard unsafe EVP_EncryptInit_ex(context, nil, nil, nil, nonce) == 1,
            unsafe EVP_EncryptUpdate(context, nil, &written, additional, Int32(additionalCount)) == 1
        else { return false }
        if level == SecurityLevel.conf.rawValue {
            guard unsafe EVP_EncryptUpdate(context, destination, &written, source, Int32(count)) == 1 else {
                return false
            }
        } else {
            unsafe memcpy(destination, source, count)
            guard unsafe EVP_EncryptUpdate(context, nil, &written, source, Int32(count)) == 1 else { return false }
        }
        let tag = unsafe destination + count
        return unsafe EVP_EncryptFinal_ex(context, tag, &written) == 1
            && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(CipherSizes.tag), tag) == 1
    }

    @inline(__always)
    private func open(
        _ slot: Int, _ level: UInt8, _ nonce: UnsafePointer<UInt8>, _ additional: UnsafePointer<UInt8>,
        _ additionalCount: Int, _ source: UnsafePointer<UInt8>, _ destination: UnsafeMutablePointer<UInt8>,
        _ count: Int
    ) -> Bool {
        precondition(level != 0, "no key in the cipher slot")
        let context = unsafe context(slot)
        let isConfidential = level == SecurityLevel.conf.rawValue
        var written: Int32 = 0
        // The tag is asked for as void *, and only read.
        let tag = unsafe UnsafeMutableRawPointer(mutating: source + count)
        guard unsafe EVP_DecryptInit_ex(context, nil, nil, nil, nonce) == 1,
            unsafe EVP_DecryptUpdate(context, nil, &written, additional, Int32(additionalCount)) == 1,
            unsafe EVP_DecryptUpdate(context, isConfidential ? destination : nil, &written, source, Int32(count)) == 1,
            unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(CipherSizes.tag), tag) == 1,
            unsafe EVP_DecryptFinal_ex(context, scratch(ContextArena.Scratch.tag), &written) == 1
        else { return false }
        if !isConfidential { unsafe memcpy(destination, source, count) }
        return true
    }

    @inline(__always)
    private func context(_ slot: Int) -> OpaquePointer? {
        unsafe arena.context(slot).load(as: OpaquePointer?.self)
    }

    @inline(__always)
    private func scratch(_ offset: Int) -> UnsafeMutablePointer<UInt8> {
        unsafe (arena.memory + offset).assumingMemoryBound(to: UInt8.self)
    }
}
