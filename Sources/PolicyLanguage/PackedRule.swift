public import NetTypes
public import Policy

/// A rule in the order of decision, in the fewest bytes: what a leaf keeps of a document's rules.
struct PackedRule: Sendable {
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let oneWay = Self(rawValue: 1)
        static let logged = Self(rawValue: 2)
        static let dryRun = Self(rawValue: 4)
        static let levels = Self(rawValue: 8)
        static let platform = Self(rawValue: 16)
    }

    let name: Name
    /// Bits per second; 0 is none.
    let rate: UInt64
    /// Bytes; 0 is none.
    let burst: UInt32
    let line: UInt32
    /// The rule's index in its document.
    let index: UInt32
    /// Where its ports begin in the list of all.
    let firstPort: UInt32
    let portCount: UInt8
    let verdict: RuleVerdict
    let security: Security
    let flags: Flags
    /// The index of its timing; -1 is always.
    let timing: Int32

    var isWhole: Bool { portCount == 0 }

    /// How the rule decides, as far as that is its own affair.
    func outcome(answers: Bool, position: UInt32) -> Outcome {
        Outcome(
            verdict: verdict, security: security,
            rate: rate == 0
                ? nil : RateLimit(bitsPerSecond: rate, burstBytes: burst == 0 ? nil : UInt64(burst)),
            isLogged: flags.contains(.logged), answers: answers, rule: reference(position))
    }

    func reference(_ position: UInt32) -> RuleReference {
        RuleReference(
            name: name, line: Int(line), isPlatform: flags.contains(.platform), index: Int(index),
            position: Int(position))
    }
}

/// The rule behind a verdict.
public struct RuleReference: Hashable, Sendable, CustomStringConvertible {
    /// The rule's name.
    public let name: Name
    /// The line on which it stands in its document; 0 where that is not known.
    public let line: Int
    /// Whether it is one of the platform's.
    public let isPlatform: Bool
    /// The rule's index in its document.
    public let index: Int
    /// The rule's place in the order of decision, guardrails included, from 0.
    public let position: Int

    public var description: String {
        (isPlatform ? "guardrail " : "rule ") + name.text + (line > 0 ? " (line \(line))" : "")
    }
}

/// What happens to packets, and why.
public struct Outcome: Hashable, Sendable, CustomStringConvertible {
    /// ``RuleVerdict/plug``, ``RuleVerdict/unplug`` or ``RuleVerdict/reject``.
    public let verdict: RuleVerdict
    /// How plugged wires are protected.
    public let security: Security
    /// How much plugged wires carry; nil is as much as goes.
    public let rate: RateLimit?
    /// Whether the flow is logged.
    public let isLogged: Bool
    /// Whether answers to the flow pass, whatever is said about the other way.
    public let answers: Bool
    /// The rule that decided; nil where none did, which is unplug.
    public let rule: RuleReference?

    /// What happens where no rule speaks.
    public static let byDefault = Self(
        verdict: .unplug, security: .none, rate: nil, isLogged: false, answers: false, rule: nil)

    /// Whether packets pass.
    public var isPlugged: Bool { verdict == .plug }

    /// Whether packets fare the same, whichever rule decided.
    public func isSame(as other: Self) -> Bool {
        verdict == other.verdict && security == other.security && rate == other.rate && isLogged == other.isLogged
            && answers == other.answers
    }

    /// What happens, without the rule.
    public var effect: String {
        var words = [verdict.rawValue]
        if isPlugged {
            if security != .none { words.append(security.rawValue) }
            if let rate { words.append(RateLimit.text(bitsPerSecond: rate.bitsPerSecond)) }
            if let burst = rate?.burstBytes { words.append("burst " + RateLimit.text(burstBytes: burst)) }
            if !answers { words.append("no answers") }
        }
        if isLogged { words.append("logged") }
        return words.joined(separator: ", ")
    }

    public var description: String { effect + ": " + (rule?.description ?? "no rule speaks about it") }
}
