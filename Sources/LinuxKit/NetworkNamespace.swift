internal import CLinux
internal import Glibc
internal import Synchronization

/// A network namespace, held open by a descriptor, in which work can be done without moving the process.
public final class NetworkNamespace: Sendable {
    /// The path by which it was opened.
    public let path: String
    private let descriptor: Descriptor

    /// Where namespaces with names are found, as `ip netns` has it.
    public static let directory = "/run/netns"

    /// Opens a namespace by its path, such as `/proc/self/ns/net`.
    public init(path: String) throws(SystemCallError) {
        self.path = path
        descriptor = Descriptor(try SystemCallError.check(unsafe cl_open(path), "open", "network namespace \(path)"))
    }

    /// Opens a namespace by its name under `/run/netns`.
    public convenience init(named name: String) throws(SystemCallError) {
        try self.init(path: "\(Self.directory)/\(name)")
    }

    /// Opens the namespace that the calling thread is in.
    public static func current() throws(SystemCallError) -> NetworkNamespace {
        try NetworkNamespace(path: "/proc/thread-self/ns/net")
    }

    /// The descriptor, for messages to the kernel; it stays open as long as this object lives.
    var number: Int32 { descriptor.number }

    /// Creates a namespace with a name, as `ip netns add` does, with its loopback device up.
    @discardableResult
    public static func create(named name: String) throws(SystemCallError) -> NetworkNamespace {
        let path = "\(directory)/\(name)"
        try SystemCallError.check(unsafe cl_create_directory(directory, 0o755), "mkdir", directory)
        try SystemCallError.check(unsafe cl_share_mount(directory), "mount", directory)
        try SystemCallError.check(unsafe cl_create_file(path), "open", "new network namespace \(name)")
        let made = onThread { unsafe cl_new_network_namespace(path) }
        if made < 0 {
            _ = unsafe cl_unlink(path)
            throw SystemCallError(call: "unshare", code: -made, context: "new network namespace \(name)")
        }
        let namespace = try NetworkNamespace(path: path)
        let netlink = try Netlink(in: namespace)
        if let loopback = try netlink.link(named: "lo") { try netlink.setUp(loopback.index) }
        return namespace
    }

    /// Deletes a namespace's name; the namespace itself goes when its last process and descriptor go.
    public static func delete(named name: String) throws(SystemCallError) {
        let path = "\(directory)/\(name)"
        try SystemCallError.check(unsafe cl_unmount_file(path), "umount", "network namespace \(name)")
    }

    /// Runs a closure on a thread of its own inside the namespace and waits for it.
    ///
    /// Sockets and BPF links that it makes keep belonging to the namespace. The thread ends with the closure, so
    /// nothing has to be restored.
    public func perform<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let number = descriptor.number
        let path = path
        return try Self.onThread {
            Result {
                try SystemCallError.check(
                    cl_enter_network_namespace(number), "setns", "network namespace \(path)")
                return try body()
            }
        }.get()
    }

    private static func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) -> Value {
        let job = Job(body)
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(job)
        let failed = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument {
                    let job = unsafe Unmanaged<AnyObject>.fromOpaque(argument).takeRetainedValue()
                    (job as? any Runnable)?.run()
                }
                return nil
            }, context.toOpaque())
        precondition(failed == 0, "no thread can be made; the limit of threads is reached")
        pthread_join(thread, nil)
        return job.result()
    }
}

private protocol Runnable: AnyObject {
    func run()
}

/// What a thread does and what came of it; the mutex hands the result from one thread to the other.
private final class Job<Value: Sendable>: Runnable, Sendable {
    private let body: @Sendable () -> Value
    private let value = Mutex<Value?>(nil)

    init(_ body: @escaping @Sendable () -> Value) { self.body = body }

    func run() {
        let result = body()
        value.withLock { $0 = result }
    }

    func result() -> Value {
        guard let result = value.withLock({ $0 }) else { preconditionFailure("the thread was joined, so it ran") }
        return result
    }
}
