/// Where the lab tells how far it has come.
public protocol LabReporter: Sendable {
    /// A step begins.
    func begin(_ step: String)
    /// The present step has come this far, such as `4 of 7 running`.
    func progress(_ text: String)
    /// The present step is done, with what there is to say of it.
    func end(_ result: String)
    /// Something that a person should know.
    func note(_ text: String)
}

/// A reporter that says nothing, for programs that use the lab.
public struct SilentReporter: LabReporter {
    /// Makes one.
    public init() {}
    public func begin(_ step: String) {}
    public func progress(_ text: String) {}
    public func end(_ result: String) {}
    public func note(_ text: String) {}
}
