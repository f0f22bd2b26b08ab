import NetTypes
import PolicyLanguage

/// The numbers under which the kernel counts what rules decide.
///
/// A number is made from the rule's name, so that a leaf that is started again goes on with the counts that are in the
/// kernel. Of two names that come to the same number the later one gets the next that is free.
struct RuleNumbers {
    /// A rule by its name, whatever revision it stands in.
    struct Rule: Hashable {
        /// nil: the platform's.
        var tenant: Name?
        var name: Name
    }

    private var numbers: [Rule: UInt32] = [:]
    private var rules: [UInt32: Rule] = [:]

    /// The number of a rule; 0 for none.
    mutating func number(of reference: RuleReference?, tenant: Name) -> UInt32 {
        guard let reference else { return 0 }
        let rule = Rule(tenant: reference.isPlatform ? nil : tenant, name: reference.name)
        if let number = numbers[rule] { return number }
        // FNV-1a; names are no secret, and nobody gains by numbers that collide.
        var hash: UInt32 = 2_166_136_261
        for byte in "\(rule.tenant?.text ?? "")/\(rule.name)".utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        while hash == 0 || rules[hash] != nil { hash &+= 1 }
        numbers[rule] = hash
        rules[hash] = rule
        return hash
    }

    /// The rule of a number.
    func rule(_ number: UInt32) -> Rule? { rules[number] }

    /// Forgets the rules of a tenant but for those that are still there; nil is the platform.
    mutating func retain(of tenant: Name?, where isThere: (Name) -> Bool) {
        for (rule, number) in numbers where rule.tenant == tenant && !isThere(rule.name) {
            numbers[rule] = nil
            rules[number] = nil
        }
    }
}
