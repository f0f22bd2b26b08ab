import Dispatch
import Foundation
import Glibc
import Synchronization

/// Removes everything when the user or the system ends the run.
final class Interruption {
    private let sources: [any DispatchSourceSignal]
    /// What has to go besides that which ``Platform/removeAll()`` finds; the mutex is for the signal's thread.
    private static let others = Mutex<[@Sendable () -> Void]>([])

    private static let ending = Mutex(false)

    /// Whether a signal has ended the run.
    static var isEnding: Bool { ending.withLock { $0 } }

    init() {
        sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            Glibc.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                Self.ending.withLock { $0 = true }
                Progress.write("\npatchbay-bench: ended by signal \(number), removing what it made\n")
                RunningChildren.shared.killAll()
                // The run notices by its next child, and makes nothing more.
                Thread.sleep(forTimeInterval: 0.3)
                Platform.removeAll()
                for remove in Self.others.withLock({ $0 }) { remove() }
                Platform.removeDirectory()
                Foundation.exit(128 + number)
            }
            source.resume()
            return source
        }
    }

    static func alsoRemove(_ body: @escaping @Sendable () -> Void) { others.withLock { $0.append(body) } }

    func end() {
        for source in sources { source.cancel() }
    }
}
