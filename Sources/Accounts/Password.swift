import Foundation

/// A password as it was typed, bounded and normalised. It is never stored, and no description shows it.
public struct Password: Sendable {
    /// UTF-8 of the text in Unicode's form C, one octet at least.
    let octets: [UInt8]
    /// Whether the text can be anybody's password at all; if not, ``octets`` is something of the same cost.
    let isPossible: Bool
    let isEmpty: Bool

    /// The longest text that is looked at, in bytes: 4 KiB; form C of one of 1,024 is never longer as typed by a person.
    private static let longestTyped = 4_096

    /// Takes what was typed. One that is empty or too long is taken too, and is never right: it costs what others cost.
    public init(_ text: String) {
        // Form C, so that a letter with its accent is the same from every keyboard (SP 800-63B, 3.1.1.2).
        let octets =
            text.utf8.count <= Self.longestTyped ? Array(text.precomposedStringWithCanonicalMapping.utf8) : []
        isEmpty = text.isEmpty
        isPossible = !octets.isEmpty && octets.count <= PasswordRules.longest
        self.octets = isPossible ? octets : [0]
    }

    /// The text again, for rules.
    var text: String { isPossible ? String(decoding: octets, as: UTF8.self) : "" }
}

extension Password: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "Password" }
    public var debugDescription: String { description }
    /// A mirror without children, so that no dump shows the password.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What a new password must be, after NIST SP 800-63B: long enough, not too long, not one that everybody tries first.
/// There are no rules of composition and it does not expire.
public enum PasswordRules {
    /// The fewest bytes.
    public static let shortest = 12
    /// The most bytes.
    public static let longest = 1_024

    /// Why a new password is refused.
    public enum Refusal: Hashable, Sendable, CustomStringConvertible {
        case tooShort, tooLong
        /// It is on the list of those that are tried first, or made in the same way.
        case common
        /// It is made of the account's or tenant's name.
        case personal

        public var description: String {
            switch self {
            case .tooShort: "the password is shorter than \(PasswordRules.shortest) bytes"
            case .tooLong: "the password is longer than \(PasswordRules.longest) bytes"
            case .common: "the password is one of those that are tried first"
            case .personal: "the password is made of the account's own names"
            }
        }
    }

    /// Why a password is refused for an account; nil when it is not.
    public static func refusal(of password: Password, for name: AccountName, words: [String] = []) -> Refusal? {
        guard password.isPossible else { return password.isEmpty ? .tooShort : .tooLong }
        guard password.octets.count >= shortest else { return .tooShort }
        let text = password.text.lowercased()
        // What is left without the names must be worth something by itself.
        let own = ([name.local, name.tenant?.text ?? "", "patchbay"] + words.map { $0.lowercased() })
            .filter { $0.utf8.count >= 3 }
        var rest = text
        for word in own { rest = rest.replacingOccurrences(of: word, with: "") }
        if rest != text, rest.utf8.count < shortest / 2 { return .personal }
        if common.contains(text) || isPeriodic(Array(text.utf8)) || isRun(Array(text.utf8)) { return .common }
        // A common one with something short before or behind it.
        for word in stems where text.contains(word) {
            if text.replacingOccurrences(of: word, with: "").utf8.count < 5 { return .common }
        }
        return nil
    }

    /// Whether it is one piece of at most four bytes again and again.
    private static func isPeriodic(_ octets: [UInt8]) -> Bool {
        (1...4).contains { period in octets.indices.dropFirst(period).allSatisfy { octets[$0] == octets[$0 - period] } }
    }

    /// Whether each byte is the former one more, or each one less, or the digits that begin anew after 9.
    private static func isRun(_ octets: [UInt8]) -> Bool {
        for step in [1, -1] {
            let isOne = octets.indices.dropFirst().allSatisfy { place in
                let difference = Int(octets[place]) - Int(octets[place - 1])
                return difference == step || difference == -9 * step
            }
            if isOne { return true }
        }
        return false
    }

    /// Of the passwords that lists of leaked ones begin with, what is left of those with 12 bytes and more.
    private static let common: Set<String> = [
        "1q2w3e4r5t6y", "1q2w3e4r5t6y7u8i", "q1w2e3r4t5y6", "1qaz2wsx3edc", "1qaz2wsx3edc4rfv", "zaq12wsxcde3",
        "qwertyuiop12", "qwertyuiop123", "qwertyuiop[]", "qwertyuiopasdfghjkl", "asdfghjkl123", "qwerty123456",
        "123456qwerty", "qazwsxedcrfv", "qweasdzxc123", "asdfghjklzxcvbnm", "zxcvbnmasdfghjkl", "1234qwerasdf",
        "abcd12345678", "abc123abc123", "a1b2c3d4e5f6", "aa1234567890", "123456789abc", "123456789qwe",
        "1234567890qwertyuiop", "iloveyou1234", "iloveyouforever", "trustno1trustno1", "letmeinletmein",
        "adminadmin123", "administrator", "administrator1", "changemechangeme", "correcthorsebatterystaple",
        "correct horse battery staple", "thisismypassword", "mypassword123", "unknownunknown", "footballfootball",
        "princessprincess", "sunshinesunshine", "superman1234", "baseball1234", "football1234", "princess1234",
        "starwars1234", "michael12345", "jordan23jordan23", "liverpool123", "manchesterunited", "barcelona123",
        "computer1234", "internet1234", "samsung12345", "pokemon12345", "whatever1234", "hello1234567", "welcome12345",
        "summer2024summer", "winter2024winter", "january123456", "monday123456", "secretsecret", "supersecret123",
    ]

    private static let stems = [
        "password", "passw0rd", "p@ssword", "p@ssw0rd", "pa$$word", "passwort", "qwertyuiop", "1234567890", "123456789",
        "12345678", "iloveyou", "letmein", "welcome", "changeme", "administrator", "trustno1", "sunshine", "qwerty123",
    ]
}
