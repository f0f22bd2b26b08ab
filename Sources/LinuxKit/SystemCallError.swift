internal import CLinux
internal import Glibc

/// A system call that failed: its name, the error number at that moment, and what it was about.
public struct SystemCallError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The call, such as `setns` or `RTM_NEWLINK`.
    public let call: String
    /// The error number (errno), positive.
    public let code: Int32
    /// What it was called for, and what the kernel said beyond the number.
    public let context: String

    /// Makes an error from what was captured at the call.
    public init(call: String, code: Int32, context: String) {
        self.call = call
        self.code = code
        self.context = context
    }

    /// Whether the thing that was named does not exist (ENOENT, ENODEV, ENXIO).
    public var isMissing: Bool { code == ENOENT || code == ENODEV || code == ENXIO }

    /// Whether the thing that was to be made exists already (EEXIST).
    public var isDuplicate: Bool { code == EEXIST }

    /// Whether a privilege is missing (EPERM, EACCES).
    public var isForbidden: Bool { code == EPERM || code == EACCES }

    public var description: String {
        let text = unsafe String(cString: strerror(code))
        return context.isEmpty ? "\(call): \(text)" : "\(context): \(text) (\(call))"
    }

    /// Turns the result of a shim, a value or a negative error number, into a value.
    @discardableResult
    static func check<Value: SignedInteger>(
        _ result: Value, _ call: String, _ context: @autoclosure () -> String = ""
    ) throws(SystemCallError) -> Value {
        guard result < 0 else { return result }
        throw SystemCallError(call: call, code: Int32(clamping: -result), context: context())
    }
}

/// A file descriptor that is closed when its last holder lets go of it.
final class Descriptor: Sendable {
    let number: Int32

    /// Takes over a descriptor.
    init(_ number: Int32) { self.number = number }

    deinit { _ = cl_close(number) }
}
