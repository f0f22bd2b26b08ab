import ArgumentParser
import DirectoryCore

/// How long accounts of traffic are kept.
struct RetentionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("For how many days figures of hours are kept, 1 to 3660.", valueName: "days"))
    var usageHoursKept: Int64 = DirectoryConfiguration().usageHours / 86_400

    @Option(help: ArgumentHelp("For how many days figures of days are kept, 1 to 36600.", valueName: "days"))
    var usageDaysKept: Int64 = DirectoryConfiguration().usageDays / 86_400

    func validate() throws {
        guard (1...3_660).contains(usageHoursKept) else { throw ValidationError("--usage-hours-kept is 1 to 3660") }
        guard (1...36_600).contains(usageDaysKept) else { throw ValidationError("--usage-days-kept is 1 to 36600") }
    }

    /// Sets what was given.
    func apply(to configuration: inout DirectoryConfiguration) {
        configuration.usageHours = usageHoursKept * 86_400
        configuration.usageDays = usageDaysKept * 86_400
    }
}
