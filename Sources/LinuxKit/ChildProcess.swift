internal import CLinux
internal import Glibc

/// A process started by this one, with exactly the three descriptors that it was given.
///
/// Nothing else is inherited: no descriptor, no blocked or ignored signal. Whoever starts a child reaps it with
/// ``poll()``; a child in a session of its own outlives this process.
public struct ChildProcess: Sendable {
    /// Where one of the three standard descriptors leads.
    public enum Stream: Sendable {
        /// `/dev/null`
        case null
        /// This process's own.
        case inherited
        /// A file in memory, for input or output; several streams may share one.
        case memory(MemoryFile)
        /// Output to the end of a file, which is made with mode 0600 if it is not there.
        case appended(path: String)
    }

    /// The process id.
    public let pid: Int32

    /// Takes a process that was started before.
    public init(pid: Int32) { self.pid = pid }

    /// Starts a program, looked up in `PATH` when its name has no slash.
    ///
    /// - Parameters:
    ///   - arguments: The program and its arguments; never empty.
    ///   - environment: `NAME=value` strings; nil: this process's own.
    ///   - newSession: Detach from the terminal, so that its signals do not reach the child.
    public static func start(
        _ arguments: [String], environment: [String]? = nil, input: Stream = .null, output: Stream = .null,
        error: Stream = .null, newSession: Bool = false
    ) throws(SystemCallError) -> ChildProcess {
        var opened: [Int32] = []
        defer { for descriptor in opened { close(descriptor) } }
        func descriptor(_ stream: Stream, _ standard: Int32) throws(SystemCallError) -> Int32 {
            switch stream {
            case .null: return -1
            case .inherited: return standard
            case .memory(let file): return file.descriptor
            case .appended(let path):
                let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
                guard descriptor >= 0 else { throw SystemCallError(call: "open", code: errno, context: path) }
                opened.append(descriptor)
                return descriptor
            }
        }
        let streams = (try descriptor(input, 0), try descriptor(output, 1), try descriptor(error, 2))
        let result = unsafe withCStrings(arguments) { argv in
            unsafe withCStrings(environment ?? currentEnvironment()) { envp in
                unsafe pb_spawn(argv, envp, streams.0, streams.1, streams.2, newSession ? 1 : 0)
            }
        }
        guard result > 0 else { throw SystemCallError(call: "posix_spawn", code: -result, context: arguments[0]) }
        return ChildProcess(pid: result)
    }

    /// The exit code once the child has ended (128 + the signal when one ended it), nil while it runs.
    ///
    /// The call that first returns a code reaps the child; do not call it again.
    public func poll() throws(SystemCallError) -> Int32? {
        var code: Int32 = 0
        let result = unsafe pb_reap(pid, &code)
        guard result >= 0 else { throw SystemCallError(call: "waitpid", code: -result, context: "process \(pid)") }
        return result == 0 ? nil : code
    }

    /// The id of this process.
    public static var ownID: Int32 { getpid() }

    /// Whether this process runs as root.
    public static var isRoot: Bool { geteuid() == 0 }

    /// Sends a signal to a process; false when there is no such process.
    @discardableResult
    public static func signal(_ signal: Int32, to pid: Int32) -> Bool { kill(pid, signal) == 0 }

    /// Replaces this process by a program: same process id, terminal and descriptors. Returns only by its error.
    public static func replaceSelf(
        with arguments: [String], environment: [String]? = nil
    ) throws(SystemCallError) -> Never {
        let result = unsafe withCStrings(arguments) { argv in
            unsafe withCStrings(environment ?? currentEnvironment()) { envp in unsafe pb_replace(argv, envp) }
        }
        throw SystemCallError(call: "execvp", code: -result, context: arguments[0])
    }

    /// This process's environment as `NAME=value` strings.
    public static func currentEnvironment() -> [String] {
        var strings: [String] = []
        var next = unsafe environ
        while let entry = unsafe next.pointee {
            strings.append(unsafe String(cString: entry))
            unsafe next += 1
        }
        return strings
    }

    /// Calls `body` with a NULL-terminated array of C strings, valid during the call.
    private static func withCStrings<R>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> R
    ) -> R {
        let copies = unsafe strings.map { unsafe strdup($0) } + [nil]
        defer { unsafe copies.forEach { unsafe free($0) } }
        return unsafe copies.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }
}

/// A file in memory that takes the output of children. It lives as long as this object.
public final class MemoryFile: Sendable {
    let descriptor: Int32

    /// Makes an empty file; the name only shows in `/proc`.
    public init(name: String = "output") throws(SystemCallError) {
        descriptor = unsafe pb_memory_file(name)
        guard descriptor >= 0 else {
            throw SystemCallError(call: "memfd_create", code: -descriptor, context: name)
        }
    }

    /// Makes a file for a child to read from its beginning, such as a secret that no process list may show.
    public convenience init(contents: [UInt8]) throws(SystemCallError) {
        try self.init(name: "input")
        let written = unsafe contents.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard written == contents.count else {
            throw SystemCallError(call: "pwrite", code: written < 0 ? errno : ENOSPC, context: "file in memory")
        }
    }

    deinit { close(descriptor) }

    /// What was written so far, from an offset on.
    public func bytes(from offset: Int = 0) throws(SystemCallError) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let at = offset + all.count
            var result = 0
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                result = unsafe pread(descriptor, buffer.baseAddress, buffer.count, off_t(at))
                count = max(0, result)
            }
            guard result >= 0 else { throw SystemCallError(call: "pread", code: errno, context: "file in memory") }
            if chunk.isEmpty { return all }
            all += chunk
        }
    }
}

/// The exclusive lock on a directory. It ends with ``release()`` or with the process.
public struct DirectoryLock: ~Copyable, Sendable {
    private let descriptor: Int32

    /// Takes the lock; nil when another process has it.
    public init?(path: String) throws(SystemCallError) {
        let result = unsafe pb_lock_directory(path)
        if result == -EWOULDBLOCK { return nil }
        guard result >= 0 else { throw SystemCallError(call: "flock", code: -result, context: path) }
        descriptor = result
    }

    /// Gives the lock back.
    public consuming func release() {
        close(descriptor)
        discard self
    }

    deinit { close(descriptor) }
}
