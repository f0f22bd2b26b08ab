public import DirectoryCore
public import Logging
public import ServiceLifecycle

/// Does what is due in the directory, every second: overdue moves, renewals, forgetting what has expired.
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
        await cancelWhenGracefulShutdown {
            var rounds = 0
            var isFailing = false
            while (try? await Task.sleep(for: ControllerLimits.upkeepInterval)) != nil {
                rounds += 1
                isFailing = await work(isFailing)
                if rounds.isMultiple(of: ControllerLimits.roundsBetweenChecks) { await leaves.checkAgain() }
            }
        }
    }

    /// One round; says whether it failed, so that a store that is gone is logged once and not every second.
    private func work(_ wasFailing: Bool) async -> Bool {
        do {
            let done = try await directory.upkeep()
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
