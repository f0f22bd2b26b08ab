/// What a figure is to reach.
enum Limit {
    /// Its median is to be below this.
    case below(Double)
    /// Its ratio to the case that it is compared to is to be this or more.
    case ratio(Double)

    /// The number.
    var value: Double {
        switch self {
        case .below(let value), .ratio(let value): value
        }
    }

    /// What is held against the number: the `median` or the `ratio`.
    var subject: String {
        switch self {
        case .below: "median"
        case .ratio: "ratio"
        }
    }

    /// Whether it was reached; nil where the case that it is compared to was not measured.
    func isReached(median: Double, ratio: Double?) -> Bool? {
        switch self {
        case .below(let limit): median < limit
        case .ratio(let limit): ratio.map { $0 >= limit }
        }
    }
}
