import Crypto

/// What is wrong with an export, and where.
public struct AuditFault: Hashable, Sendable, CustomStringConvertible {
    /// The kinds of faults.
    public enum Kind: Hashable, Sendable {
        /// The export does not begin with a statement about its key, or it is not the root's.
        case untrustedKey
        /// The line is not the canonical form of an entry or checkpoint, for this reason.
        case damaged(String)
        /// The line belongs to another chain.
        case foreign(String)
        /// The entries of these numbers are missing before the line.
        case missing(ClosedRange<UInt64>)
        /// An entry stands where it should not: it comes again, or after later ones.
        case misplaced(UInt64)
        /// The entry of this number is not the one that the next line follows on: it was changed.
        case changed(UInt64)
        /// The export begins with this number, and no checkpoint says what was before.
        case baseless(UInt64)
        /// The signature of the checkpoint after so many entries is not the key's.
        case forged(UInt64)
        /// The checkpoint after so many entries names another head: entries up to it were changed.
        case contradicted(UInt64)
        /// A checkpoint says that there were so many entries; there are fewer.
        case truncated(stated: UInt64, found: UInt64)
        /// The export has no entry and no checkpoint, or does not end with a line's end.
        case incomplete
    }

    /// The line, from 1; nil for what comes from a checkpoint that is not in the export.
    public let line: Int?
    /// What is wrong.
    public let kind: Kind

    public var description: String {
        let text =
            switch kind {
            case .untrustedKey: "the export does not begin with a key that the platform's root vouches for"
            case .damaged(let reason): "the line is damaged: \(reason)"
            case .foreign(let chain): "the line belongs to the chain '\(chain)'"
            case .missing(let numbers):
                numbers.count == 1
                    ? "entry \(numbers.lowerBound) is missing here"
                    : "entries \(numbers.lowerBound) to \(numbers.upperBound) are missing here"
            case .misplaced(let number): "entry \(number) stands in the wrong place"
            case .changed(let number): "entry \(number) was changed: the next line follows on another one"
            case .baseless(let number): "the export begins with entry \(number), and no checkpoint says what was before"
            case .forged(let count): "the checkpoint after entry \(count) was not signed by the audit's key"
            case .contradicted(let count): "entries up to \(count) are not those of the checkpoint"
            case .truncated(let stated, let found): "there were \(stated) entries, but only \(found) are here"
            case .incomplete: "the export is not complete"
            }
        return line.map { "line \($0): \(text)" } ?? text
    }
}

/// What a verification found.
public struct AuditReport: Hashable, Sendable {
    /// The chain; nil when no line could be read.
    public internal(set) var chain: AuditChainName?
    /// The number of the first entry, and of the last one; nil without entries.
    public internal(set) var entries: ClosedRange<UInt64>?
    /// The last entry that a checkpoint vouches for; 0 for none.
    public internal(set) var signedThrough: UInt64 = 0
    /// The time of that checkpoint, in seconds since 1970.
    public internal(set) var signedAt: Int64?
    /// How many entries say that others were lost.
    public internal(set) var losses = 0
    /// The faults, the first ``AuditLimits/faults`` of them.
    public internal(set) var faults: [AuditFault] = []
    /// How many faults there are.
    public internal(set) var faultCount = 0

    /// How many entries come after the last checkpoint: linked to each other, but vouched for by nobody.
    public var unsigned: UInt64 { entries.map { $0.upperBound - min($0.upperBound, signedThrough) } ?? 0 }

    /// Whether everything is as the audit's key says, up to the last line.
    public var isIntact: Bool { faultCount == 0 && unsigned == 0 }
}

/// Verifies an export, line by line, with nothing but the platform's root key: a machine without a network will do.
///
/// It finds any line that was changed, removed, repeated or put elsewhere, and says which. That the end was cut off it
/// finds by a later checkpoint: the controller ends every export with one, and others may be kept elsewhere.
/// It does not find what whoever has the audit's key wrote anew, from the beginning, on purpose: against that only
/// checkpoints help that are kept where he cannot reach them.
public struct AuditVerifier: Sendable {
    private let root: [UInt8]
    private let expected: [AuditCheckpoint]
    private var key: AuditPublicKey?
    private var line = 0
    /// Where the chain is; nil before the first entry or checkpoint.
    private var head: AuditHead?
    /// Whether the last line was damaged, so that the next is not compared with it.
    private var isLost = false
    /// The hashes of the entries to which expected checkpoints refer.
    private var noted: [UInt64: [UInt8]] = [:]
    private var report = AuditReport()

    /// - Parameters:
    ///   - root: the key of the platform's root, DER SubjectPublicKeyInfo.
    ///   - expected: checkpoints that are known from elsewhere.
    public init(root: [UInt8], expecting expected: [AuditCheckpoint] = []) {
        self.root = root
        self.expected = expected
    }

    /// Verifies a whole export.
    public static func verify(
        _ export: [UInt8], root: [UInt8], expecting expected: [AuditCheckpoint] = []
    ) -> AuditReport {
        var verifier = AuditVerifier(root: root, expecting: expected)
        let lines = export.split(separator: 0x0a, omittingEmptySubsequences: false)
        let isEnded = lines.last?.isEmpty ?? true
        for line in isEnded ? lines.dropLast() : lines[...] { verifier.take(Array(line)) }
        return verifier.finish(endsWithLine: isEnded)
    }

    /// Takes the next line, without its end.
    public mutating func take(_ bytes: [UInt8]) {
        line += 1
        guard bytes.count <= AuditLimits.line else { return lose("longer than \(AuditLimits.line) bytes") }
        let value: AuditValue
        do { value = try AuditValue(canonical: bytes) } catch { return lose("\(error)") }
        if line == 1 { return begin(value) }
        if let entry = AuditEntry(value) {
            take(entry, AuditHead(count: entry.number, hash: Array(SHA256.hash(data: bytes))))
        } else if let checkpoint = AuditCheckpoint(value) {
            take(checkpoint)
        } else {
            lose("neither an entry nor a checkpoint")
        }
    }

    /// What was found so far.
    public var soFar: AuditReport { report }

    /// Says what was found.
    ///
    /// - Parameter endsWithLine: whether the last line ended with a line feed.
    public mutating func finish(endsWithLine: Bool = true) -> AuditReport {
        if head == nil || !endsWithLine { fault(.incomplete) }
        let found = head?.count ?? 0
        for checkpoint in expected {
            guard checkpoint.chain == report.chain else { continue }
            guard key?.verifies(checkpoint.signature, over: checkpoint.message) ?? false else {
                fault(.forged(checkpoint.head.count), at: nil)
                continue
            }
            if checkpoint.head.count > found {
                fault(.truncated(stated: checkpoint.head.count, found: found), at: nil)
            } else if let hash = noted[checkpoint.head.count], hash != checkpoint.head.hash {
                fault(.contradicted(checkpoint.head.count), at: nil)
            }
        }
        return report
    }

    // MARK: Lines

    private mutating func begin(_ value: AuditValue) {
        guard let statement = AuditKeyStatement(value), let root = AuditPublicKey(info: root),
            root.verifies(statement.signature, over: statement.message),
            let key = AuditPublicKey(info: statement.key)
        else { return fault(.untrustedKey) }
        self.key = key
    }

    private mutating func take(_ entry: AuditEntry, _ new: AuditHead) {
        guard isOfChain(entry.chain) else { return }
        if entry.event.action == AuditEvent.lossAction { report.losses += 1 }
        if let head {
            if entry.number <= head.count {
                // It is passed over: what follows is compared with where the chain was.
                return fault(.misplaced(entry.number))
            } else if entry.number > head.count + 1, !isLost {
                fault(.missing(head.count + 1...entry.number - 1))
            } else if entry.number == head.count + 1, entry.former != head.hash, !isLost {
                fault(.changed(head.count))
            } else if isLost, entry.number > head.count + 2 {
                fault(.missing(head.count + 1...entry.number - 1))
            }
        } else if entry.number > 1, !isLost {
            fault(.baseless(entry.number))
        } else if entry.number == 1, entry.former != AuditHead.empty.hash {
            fault(.changed(0))
        }
        report.entries = (report.entries?.lowerBound ?? entry.number)...entry.number
        move(to: new)
    }

    private mutating func take(_ checkpoint: AuditCheckpoint) {
        guard isOfChain(checkpoint.chain) else { return }
        guard let key, key.verifies(checkpoint.signature, over: checkpoint.message) else {
            return fault(.forged(checkpoint.head.count))
        }
        if let head {
            // Never back: what follows would be taken for new.
            guard checkpoint.head.count >= head.count else { return fault(.misplaced(checkpoint.head.count)) }
            if checkpoint.head.count > head.count + (isLost ? 1 : 0) {
                fault(.truncated(stated: checkpoint.head.count, found: head.count))
            } else if checkpoint.head.count == head.count, checkpoint.head.hash != head.hash {
                fault(.contradicted(head.count))
            }
        }
        report.signedThrough = checkpoint.head.count
        report.signedAt = checkpoint.time.seconds
        move(to: checkpoint.head)
    }

    private mutating func move(to new: AuditHead) {
        head = new
        isLost = false
        if expected.contains(where: { $0.head.count == new.count }) { noted[new.count] = new.hash }
    }

    private mutating func isOfChain(_ chain: AuditChainName) -> Bool {
        if report.chain == nil { report.chain = chain }
        guard chain == report.chain else {
            fault(.foreign(chain.text))
            return false
        }
        return true
    }

    private mutating func lose(_ reason: String) {
        fault(.damaged(reason))
        isLost = true
    }

    private mutating func fault(_ kind: AuditFault.Kind) { fault(kind, at: line) }

    private mutating func fault(_ kind: AuditFault.Kind, at line: Int?) {
        report.faultCount += 1
        if report.faults.count < AuditLimits.faults { report.faults.append(AuditFault(line: line, kind: kind)) }
    }
}
