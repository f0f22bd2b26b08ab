/// Makes a cipher seal and open what others have published the answer to, and refuse a tag with one bit changed.
///
/// Slot 0 is used and left empty.
///
/// - Throws: ``CipherError/unavailable(_:reason:)``.
func checkKnownAnswers<Cipher: PacketCipher & ~Copyable>(_ cipher: inout Cipher) throws(CipherError) {
    for answer in KnownAnswer.all {
        try cipher.install(0, key: answer.key, level: answer.level)
        defer { cipher.remove(0) }
        var sealed = [UInt8](repeating: 0, count: answer.sealed.count)
        var output = sealed.mutableSpan
        guard
            cipher.seal(
                0, nonce: answer.nonce.span, additional: answer.additional.span, source: answer.text.span,
                destination: &output),
            sealed == answer.sealed
        else { throw .unavailable(Cipher.backend, reason: "it sealed \(answer.source) wrongly") }
        var opened = [UInt8](repeating: 0, count: answer.text.count)
        for wrong in [false, true] {
            if wrong { sealed[sealed.count - 1] ^= 1 }
            var output = opened.mutableSpan
            let accepted = cipher.open(
                0, nonce: answer.nonce.span, additional: answer.additional.span, source: sealed.span,
                destination: &output)
            guard accepted != wrong, wrong || opened == answer.text else {
                throw .unavailable(Cipher.backend, reason: "it opened \(answer.source) wrongly")
            }
        }
        opened.removeAll()
    }
}

/// A published answer.
struct KnownAnswer {
    let source: String
    let level: SecurityLevel
    let key: PacketKey
    let nonce: [UInt8]
    let additional: [UInt8]
    let text: [UInt8]
    /// The bytes sealed, and the tag.
    let sealed: [UInt8]

    /// Case 4 of McGrew and Viega's GCM specification, as GCM and, its answer computed by two other implementations, as
    /// GMAC of the additional data and the text.
    static let all: [KnownAnswer] = [
        .init(
            source: "GCM test case 4", level: .conf,
            key: .init(high: 0xfeff_e992_8665_731c, low: 0x6d6a_8f94_6730_8308, salt: 0xcafe_babe),
            nonce: number(0xcafe_babe_face_dbad as UInt64) + number(0xdeca_f888 as UInt32),
            additional: additional, text: text,
            sealed: [
                0x42, 0x83, 0x1e, 0xc2, 0x21, 0x77, 0x74, 0x24, 0x4b, 0x72, 0x21, 0xb7, 0x84, 0xd0, 0xd4, 0x9c,
                0xe3, 0xaa, 0x21, 0x2f, 0x2c, 0x02, 0xa4, 0xe0, 0x35, 0xc1, 0x7e, 0x23, 0x29, 0xac, 0xa1, 0x2e,
                0x21, 0xd5, 0x14, 0xb2, 0x54, 0x66, 0x93, 0x1c, 0x7d, 0x8f, 0x6a, 0x5a, 0xac, 0x84, 0xaa, 0x05,
                0x1b, 0xa3, 0x0b, 0x39, 0x6a, 0x0a, 0xac, 0x97, 0x3d, 0x58, 0xe0, 0x91, 0x5b, 0xc9, 0x4f, 0xbc,
                0x32, 0x21, 0xa5, 0xdb, 0x94, 0xfa, 0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47,
            ]),
        .init(
            source: "the GMAC of test case 4", level: .auth,
            key: .init(high: 0xfeff_e992_8665_731c, low: 0x6d6a_8f94_6730_8308, salt: 0xcafe_babe),
            nonce: number(0xcafe_babe_face_dbad as UInt64) + number(0xdeca_f888 as UInt32),
            additional: additional, text: text, sealed: text + gmac),
    ]

    private static let additional =
        number(0xfeed_face_dead_beef as UInt64) + number(0xfeed_face_dead_beef as UInt64)
        + number(0xabad_dad2 as UInt32)

    private static let text: [UInt8] = [
        0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26, 0x9a,
        0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31, 0x8a, 0x72,
        0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25,
        0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39,
    ]

    private static let gmac: [UInt8] = [
        0x4b, 0x28, 0x35, 0x7f, 0x19, 0x8f, 0xc8, 0x34, 0x46, 0x18, 0xfa, 0x46, 0x30, 0x6b, 0x82, 0x7f,
    ]

    private static func number(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (value.bitWidth - 8 - 8 * $0)) }
    }
}
