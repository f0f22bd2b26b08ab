/// The nearest of some names to one that is unknown.
enum Suggestion {
    /// At most this many names are compared, so that a wrong name costs no more than a right one would.
    static let maximumCandidates = 5_000

    /// The remedy in words: `did you mean 'web'?`, or what to do where no name is near.
    static func remedy(for text: String, among names: some Sequence<String>, otherwise: String) -> String {
        nearest(to: text, among: names).map { "did you mean '\($0)'?" } ?? otherwise
    }

    /// The name with the least edit distance, at most a third of the text's length and at least 1; the first of equals
    /// in alphabetical order.
    static func nearest(to text: String, among names: some Sequence<String>) -> String? {
        let wanted = Array(text.utf8.prefix(80))
        let most = max(1, wanted.count / 3 + (wanted.count % 3 == 0 ? 0 : 1))
        var best: (distance: Int, name: String)?
        for name in names.prefix(maximumCandidates) {
            let candidate = Array(name.utf8)
            guard abs(candidate.count - wanted.count) <= most else { continue }
            let distance = distance(wanted, candidate)
            guard distance <= most else { continue }
            if let best, (best.distance, best.name) < (distance, name) { continue }
            best = (distance, name)
        }
        return best?.name
    }

    /// The edit distance with transpositions of neighbours (optimal string alignment).
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var before: [Int] = []
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var cost = min(row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
                row.append(cost)
            }
            before = last
            last = row
        }
        return last[b.count]
    }
}
