public import DirectoryCore
public import Logging
public import ServiceLifecycle

/// Does what is due in the directory, every second: overdue moves, renewals, forgetting what has expired, the audit's notes;
/// every minute the signatures of the audit.
public struct DirectoryUpkeep: Service {
    private let directory: Directory
    private let leaves: LeafHub
    private let logger: Logger

    /// Prepares the service.
    public init(directory: Directory, leaves: LeafHub, logger: Logger) {
        self.directory = directory
        self.leaves = leaves
        self.logger = logger
    }

    /// Works until the service is shut down.
    public func run() async throws {
        do { try await directory.noteStart() } catch {
            logger.error("the audit cannot be written", metadata: ["error": "\(error)"])
            throw error
        }
        await cancelWhenGracefulShutdown {
            var rounds = 0
            var isFailing = false
            while (try? await Task.sleep(for: ControllerLimits.upkeepInterval)) != nil {
                rounds += 1
                isFailing = await work(isFailing, signs: rounds.isMultiple(of: ControllerLimits.roundsBetweenChecks))
                if rounds.isMultiple(of: ControllerLimits.roundsBetweenChecks) { await leaves.checkAgain() }
            }
        }
        do { try await directory.noteStop() } catch {
            logger.error("the audit's end could not be written", metadata: ["error": "\(error)"])
        }
    }

    /// One round; says whether it failed, so that a store that is gone is logged once and not every second.
    private func work(_ wasFailing: Bool, signs: Bool) async -> Bool {
        do {
            let done = try await directory.upkeep()
            try await directory.writeNotes()
            if signs { try await directory.signChains() }
            for name in done.overdueMoves {
                logger.notice("endpoint taken from a host that did not let go", metadata: ["endpoint": "\(name)"])
            }
            for tenant in done.renewedTenants {
                logger.info("tenant's certificates renewed", metadata: ["tenant": "\(tenant)"])
            }
            if wasFailing { logger.notice("upkeep works again") }
            return false
        } catch {
            if !wasFailing { logger.error("upkeep failed", metadata: ["error": "\(error)"]) }
            return true
        }
    }
}
