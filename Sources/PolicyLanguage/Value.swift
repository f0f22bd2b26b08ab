/// A value of a document's text with its place: what YAML and canonical JSON have in common.
///
/// Scalars keep their text. The field that a scalar stands in says what it is read as, so that no value becomes a
/// number or a boolean because it looks like one.
public struct Value: Sendable {
    /// What stands there.
    public enum Content: Sendable {
        /// A scalar's text, and whether it stood in quotes.
        case scalar(String, isQuoted: Bool)
        /// The elements of a list.
        case list([Value])
        /// The fields of a map in the order of the text; two of one key are possible.
        case map([Field])
    }

    /// A field of a map.
    public struct Field: Sendable {
        /// The field's name.
        public let key: String
        /// Where the name stands.
        public let place: Place
        /// What it is.
        public let value: Value

        /// Makes a field.
        public init(key: String, place: Place, value: Value) {
            self.key = key
            self.place = place
            self.value = value
        }
    }

    /// What stands there.
    public let content: Content
    /// Where it begins.
    public let place: Place

    /// Makes a value.
    public init(_ content: Content, at place: Place) {
        self.content = content
        self.place = place
    }

    /// The value in a few words, for findings.
    var summary: String {
        switch content {
        case .scalar(let text, _): text
        case .list: "a list"
        case .map: "a map"
        }
    }
}
