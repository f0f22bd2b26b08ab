/// Something that the data path could not do: what kind of failure, the error number where there is one, and what about.
public struct DataPathError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure. The set is open.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// A privilege is missing.
        public static let forbidden = Code(description: "forbidden")
        /// The kernel lacks something.
        public static let unsupported = Code(description: "unsupported")
        /// A device does not exist, or is of another kind than it should be.
        public static let device = Code(description: "device")
        /// The maps that are pinned have another layout.
        public static let layout = Code(description: "layout")
        /// A map is full.
        public static let full = Code(description: "full")
        /// Rules that contradict themselves or are too large.
        public static let rules = Code(description: "rules")
        /// The port is not open.
        public static let noPort = Code(description: "no-port")
        /// The data path was closed.
        public static let closed = Code(description: "closed")
        /// Any other failure of a system call.
        public static let system = Code(description: "system")
    }

    /// The kind of failure.
    public let code: Code
    /// The error number, positive; 0 where there is none.
    public let number: Int32
    /// What was being done, what is wrong and what to do.
    public let context: String

    init(_ code: Code, number: Int32 = 0, _ context: String) {
        self.code = code
        self.number = number
        self.context = context
    }

    public var description: String { context }
}
