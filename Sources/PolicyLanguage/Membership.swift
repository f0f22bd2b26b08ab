/// What a compiled policy knows about a party: the sides of rules that it stands on. It is worked out once for a party,
/// and again when its labels, its level or the policy change; a pair's verdict then looks at nothing else.
public struct Membership: Hashable, Sendable {
    /// The numbers of the sides, rising.
    let sides: [UInt32]
    /// The security level.
    let level: UInt8

    func contains(_ side: UInt32) -> Bool {
        var (low, high) = (0, sides.count)
        while low < high {
            let middle = (low + high) / 2
            if sides[middle] < side { low = middle + 1 } else { high = middle }
        }
        return low < sides.count && sides[low] == side
    }
}
